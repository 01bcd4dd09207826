"""The steps of the table: a command each, with a time limit, which leaves its numbers as JSON."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Words = list[object]


@dataclass(frozen=True)
class Setting:
    """What all steps share; `image` is one of `images`. `rounds` replaces the number of measurements of every step."""

    out: Path
    images: Path
    image: Path
    data: Path
    quick_data: Path
    peer: str | None
    yolo: str | None
    threads: int
    rounds: int | None
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """`words` gives module and arguments from the setting and the number of `rounds`; `limit` is in seconds.

    The command gets `--json FILE`, or, if it `prints` its JSON, `--json` alone. `needs` is the option of the Python
    without which the step cannot run. `asked` steps run only if they are named.
    """

    name: str
    words: Callable[[Setting, int], Words]
    rounds: int
    limit: float
    needs: str | None = None
    prints: bool = False
    asked: bool = False

    def command(self, setting: Setting, result: Path) -> list[str]:
        words = [*self.words(setting, setting.rounds or self.rounds), "--json", *([] if self.prints else [result])]
        return [sys.executable, "-m", *map(str, words)]

    def missing(self, setting: Setting) -> str | None:
        """Why it cannot run, None if it can."""
        return f"needs --{self.needs}" if self.needs and getattr(setting, self.needs) is None else None


def _detect(model: str) -> Callable[[Setting, int], Words]:
    engines = ("default", "packed fp32", "packed bf16", "openvino fp32", "openvino bf16")

    def words(setting: Setting, rounds: int) -> Words:
        given = ["--peer", setting.peer, "--images", setting.images, "--threads", setting.threads]
        return ["benchmarks.detect", *given, "--model", model, "--rounds", rounds, "--int8", "--engines", *engines]

    return words


def _lite(setting: Setting, rounds: int) -> Words:
    yolo = ["--yolo", setting.yolo] if setting.yolo else []
    given = ["--images", setting.images, "--threads", setting.threads]
    return ["benchmarks.lite", *given, "--rounds", rounds, *yolo]


def _train(model: str, *precisions: str) -> Callable[[Setting, int], Words]:
    def words(setting: Setting, rounds: int) -> Words:
        given = ["--peer", setting.peer, "--data", setting.data, "--threads", setting.threads]
        return ["benchmarks.train", *given, "--model", model, "--rounds", rounds, "--precisions", *precisions]

    return words


def _quick(precision: str) -> Callable[[Setting, int], Words]:
    def words(setting: Setting, rounds: int) -> Words:
        given = ["--data", setting.quick_data, "--threads", setting.threads, "--precision", precision]
        changes = [word for change in setting.settings for word in ("--set", change)]
        return ["multibox", "bench", "train", "quick", *given, "--steps", rounds, *changes]

    return words


def _busy(setting: Setting, rounds: int) -> Words:
    given = ["--data", setting.quick_data, "--steps", rounds, "--rounds", 1 if setting.rounds else 2]
    return ["benchmarks.busy", *given, *(["--settings", *setting.settings] if setting.settings else [])]


def _commands(setting: Setting, rounds: int) -> Words:
    return ["benchmarks.commands", "--image", setting.image, "--data", setting.data, "--rounds", rounds]


def _demo(setting: Setting, rounds: int) -> Words:
    return ["benchmarks.commands", "--names", "demo", "--rounds", rounds]


def _evaluate(setting: Setting, rounds: int) -> Words:
    return ["benchmarks.evaluate", "--rounds", rounds]


def _table7(setting: Setting, rounds: int) -> Words:
    peers = setting.yolo or setting.peer  # an environment with ultralytics has torchvision too
    return ["multibox", "reproduce", "table7", "--device", "cpu", "--out", setting.out / "table7", "--peers", peers]


STEPS = (
    Step("ssd300", _detect("ssd300_vgg16"), rounds=15, limit=240, needs="peer"),
    Step("ssdlite320", _detect("ssdlite320_mobilenet_v3_large"), rounds=30, limit=180, needs="peer"),
    Step("lite320", _lite, rounds=30, limit=240),
    Step("train-ssd300", _train("ssd300_vgg16", "fp32", "bf16"), rounds=3, limit=300, needs="peer"),
    Step(
        "train-ssdlite320",
        _train("ssdlite320_mobilenet_v3_large", "fp32", "bf16", "auto"),
        rounds=5,
        limit=180,
        needs="peer",
    ),
    Step("quick-fp32", _quick("fp32"), rounds=8, limit=180, prints=True),
    Step("quick-bf16", _quick("bf16"), rounds=8, limit=180, prints=True),
    Step("commands", _commands, rounds=3, limit=240),
    Step("busy", _busy, rounds=8, limit=300),
    Step("evaluate", _evaluate, rounds=1, limit=180),
    Step("table7", _table7, rounds=1, limit=300, needs="peer", prints=True),
    Step("demo", _demo, rounds=1, limit=900, asked=True),
)
