"""The paper's headline in one run on one machine: SSD300 beside Faster R-CNN, torchvision's SSD300 and a YOLO."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from multibox.bench.machine import ProductRates, describe_machine, device_name
from multibox.bench.peers.process import PeerProcess
from multibox.bench.spread import spread
from multibox.bench.table7 import TimedModel, frame_times, random_model
from multibox.system.device import choose_device, computes_bfloat16
from multibox.system.progress import Progress

SCRIPT = Path(__file__).with_name("speed_peer.py")
REFERENCE = "faster-rcnn"

_WARM_UP = 1
_PEER_METHODS = {"faster-rcnn": "Faster R-CNN (VGG16)", "ssd300": "SSD300", "yolo": "YOLO"}
_PEER_PROGRAMS = {"faster-rcnn": "torchvision", "ssd300": "torchvision", "yolo": "ultralytics yolo11n"}
_SIDE = [300, 300]


def bench_headline(
    python: Path | str,
    *,
    device: str | None = None,
    candidates: int = 500,
    rounds: int = 5,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Frames per second of SSD300 and of the detectors that the environment of `python` has, and ratios of speed.

    A frame starts as pixels of the network's input size in memory and ends as boxes in memory, one at a time. Weights
    are random; `candidates` scores of an SSD300 pass its threshold. All detectors take turns in every round. A ratio is
    the median over the rounds of the time of Faster R-CNN divided by that of the detector. Peers compute in float32,
    ours also in bfloat16 if the device has instructions for it. Raises the errors of PeerProcess.
    """
    target = choose_device(device)
    machine = describe_machine()
    with TemporaryDirectory() as settings:
        words = (str(target), torch.get_num_threads(), candidates)
        with PeerProcess(python, SCRIPT, words, environment=_environment(settings)) as peer:
            inputs: dict[str, list[int]] = peer.described["inputs"]
            frames = _ours(target, candidates)
            frames |= {f"peer {name}": partial(peer.ask, name) for name in inputs}
            times, rates = _measure(frames, target, rounds=rounds, progress=progress)
            versions = peer.described["versions"]
    return {
        "date": date.today().isoformat(),
        "machine": machine,
        "device": f"{target}, {device_name(target)}",
        "python": str(python),
        "versions": versions,
        "rounds": rounds,
        "matrix_product_giga_operations_per_second": rates,
        "rows": [_row(name, times, inputs.get(name.removeprefix("peer "), _SIDE)) for name in times],
    }


def _environment(settings: str) -> dict[str, str]:
    """Lets ultralytics neither install packages nor write settings outside a temporary folder."""
    return {"YOLO_CONFIG_DIR": settings, "YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}


def _ours(device: torch.device, candidates: int) -> dict[str, Callable[[], float]]:
    """Frames of our SSD300 by precision."""
    words = ("fp32", "bf16") if computes_bfloat16(device) else ("fp32",)
    models = {word: random_model("ssd300", device, word, candidates, 1) for word in words}
    return {f"ours {word}": partial(_frame, model, device) for word, model in models.items()}


def _frame(model: TimedModel, device: torch.device) -> float:
    return sum(frame_times(model, 1, device).values())


def _measure(
    frames: Mapping[str, Callable[[], float]], device: torch.device, *, rounds: int, progress: Progress | None
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Milliseconds of every detector by round, and rates of matrix products."""
    times: dict[str, list[float]] = {name: [] for name in frames}
    rates = ProductRates(("fp32", "bf16") if computes_bfloat16(device) else ("fp32",), device=device)
    for number in range(-_WARM_UP, rounds):
        spent = {name: frame() for name, frame in frames.items()}
        if number < 0:
            continue
        for name, milliseconds in spent.items():
            times[name].append(milliseconds)
        rates.measure()
        if progress is not None:
            progress(number + 1, rounds)
    return times, rates.medians()


def _row(name: str, times: dict[str, list[float]], size: list[int]) -> dict[str, Any]:
    kind, _, detail = name.partition(" ")
    own, reference = times[name], times[f"peer {REFERENCE}"]
    return {
        "method": "SSD300" if kind == "ours" else _PEER_METHODS[detail],
        "program": f"multibox {detail}" if kind == "ours" else f"{_PEER_PROGRAMS[detail]} fp32",
        "input_size": size,
        "milliseconds": spread(own),
        "fps": round(1000 / median(own), 3),
        "over_faster_rcnn": round(median(b / a for a, b in zip(own, reference, strict=True)), 3),
    }
