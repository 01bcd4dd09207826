"""Trains in processes that are killed at any line and restarted; `test_survival.py` runs it and checks the files.

    python survivor.py FOLDER SEED

FOLDER holds the data set `scenes` and receives the runs `whole`, `alone` (no worker) and `helped` (one), and
`kills.json`, which lists the functions that were killed in each. All processes are forks of this one, which itself
never trains, so that they share the imported modules.
"""

import json
import os
import random
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import torch
import torch._dynamo  # optimizers import it

import multibox.detection.detector
import multibox.evaluation.evaluate
import multibox.experiments.train
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.quick import quick
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig
from multibox.models.heads import Extra
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.training.optimizer import Schedule

KILLS = {"alone": 7, "helped": 4}
PLACES = {
    "fit": 40,
    "accumulate_gradients": 40,
    "take_step": 40,
    "_report": 8,
    "_checkpoint": 10,
    "_validate": 20,
    "append_metrics": 4,
    "save_checkpoint": 16,
    "save_weights": 24,
    "force_to_disk": 8,
    "_force_folder": 20,
    "keep_metrics_until": 4,
    "_prepare": 8,
}
STEPS = 4
"""Functions in which processes are killed, and among how many of their first lines the place is chosen. A process
lives for STEPS steps at most: one more than there are between two checkpoints."""


def recipe() -> Recipe:
    priors = equation4_spec(Size(64, 64), [Size(8, 8), Size(4, 4), Size(2, 2)], ratios=[(2.0,)] * 3)
    model = ModelConfig("tiny", VGG16Config(width=1 / 32, batch_norm=True), (Extra(8, 16),), priors, std=(58.0,) * 3)
    loop = replace(quick().loop, batch_size=2, report_every=4, checkpoint_every=3, validate_every=8, ema=0.9)
    loop = replace(loop, precision="fp32", patience=9)
    base = replace(quick(), model=model, loop=loop, schedule=Schedule(24, rate=0.01))
    return replace(base, train_split="train", validation_split="val", metric="voc10")


def train(folder: Path, name: str, *, workers: int) -> None:
    out = folder / name
    multibox.experiments.train.train(recipe(), data=folder / "scenes", out=out, resume=out.exists(), workers=workers)


def die(name: str, note: Path) -> None:
    note.write_text(name)
    os.kill(os.getpid(), signal.SIGKILL)


def kill_in(name: str, line: int, note: Path) -> None:
    """Let this process die without cleanup, as in a power cut, in the function `name` after `line` lines."""
    left = line

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        left -= event == "line"
        if left < 0:
            die(name, note)
        return count

    def trace(original: Any, *given: Any, **named: Any) -> Any:
        before = sys.gettrace()
        sys.settrace(lambda frame, *_: count if frame.f_code is original.__code__ else None)
        try:
            return original(*given, **named)
        finally:
            sys.settrace(before)

    wrap(name, trace)


def kill_late(note: Path) -> None:
    """Let this process die in its step number STEPS."""
    steps = 0

    def count(original: Any, *given: Any, **named: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == STEPS:
            die("late", note)
        return original(*given, **named)

    wrap("take_step", count)


def wrap(name: str, around: Any) -> None:
    """Replace the package's function `name` by `around` in all modules that imported it."""
    modules = [module for key, module in sys.modules.items() if key.startswith("multibox.") and hasattr(module, name)]
    original = getattr(modules[0], name)
    for module in modules:
        setattr(module, name, partial(around, original))


def start(folder: Path, name: str, *, workers: int, place: tuple[str, int] | None = None) -> int:
    """Train in a new process and return its exit status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        sys.stderr = open(folder / f"{name}.log", "a")  # noqa: SIM115
        if place:
            kill_in(*place, folder / "killed")
            kill_late(folder / "killed")
        train(folder, name, workers=workers)
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def cut_newest(folder: Path, choose: random.Random) -> None:
    """Truncate the newest file at a random place, as a power cut does before the disk has written it."""
    files = [path for path in folder.iterdir() if path.is_file()] if folder.exists() else []
    if files:
        newest = max(files, key=lambda path: path.stat().st_mtime_ns)
        os.truncate(newest, choose.randrange(newest.stat().st_size + 1))


def train_and_kill(folder: Path, name: str, *, workers: int, seed: int) -> list[str]:
    """Train to the end with many kills in between; return the functions that were killed."""
    choose = random.Random(seed)
    killed: list[str] = []
    functions = list(PLACES)
    choose.shuffle(functions)
    for attempt in range(KILLS[name]):
        function = functions[attempt % len(functions)]
        status = start(folder, name, workers=workers, place=(function, choose.randrange(PLACES[function])))
        if status == 0:
            break
        assert status == signal.SIGKILL, status
        killed.append((folder / "killed").read_text())
        if choose.random() < 0.4:
            cut_newest(folder / name, choose)
    assert start(folder, name, workers=workers) == 0
    return killed


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    assert start(folder, "whole", workers=0) == 0
    kills = {
        name: train_and_kill(folder, name, workers=workers, seed=seed + workers)
        for name, workers in (("alone", 0), ("helped", 1))
    }
    (folder / "kills.json").write_text(json.dumps(kills))


if __name__ == "__main__":
    main()
