"""Training samples per second on one core: multibox, decoding alone, and torchvision, taken in turns in one run.

    python benchmarks/augment.py --data FOLDER [--peer PYTHON] [--seconds 60] [--json]

PYTHON is an interpreter that has torchvision, which cannot be installed beside a CPU-only torch. Its pipeline is the
one of torchvision's own SSD training, on PIL images and on tensors; the quicker of the two is what we compare with. It
resizes bilinearly, so there is a line for multibox with that alone beside the full recipes.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core for all pipelines

import numpy as np
import torch

from multibox.data.augmentation.augmentation import AUGMENTATIONS, Augmentation
from multibox.data.augmentation.sample import make_sample
from multibox.data.dataset import Dataset, Example
from multibox.data.load import load_dataset
from multibox.data.loading.worker import use_one_core
from multibox.images.decode import read_image
from multibox.size import Size

TURN = 25
Turn = Callable[[], float]


def augmenting(examples: list[Example], augmentation: Augmentation) -> Turn:
    endless, rng = cycle(examples), np.random.default_rng(0)

    def turn() -> float:
        begin = time.process_time()
        for example in islice(endless, TURN):
            make_sample(example, augmentation=augmentation, input_size=Size(300, 300), rng=rng)
        return time.process_time() - begin

    return turn


def decoding(examples: list[Example]) -> Turn:
    endless = cycle(examples)

    def turn() -> float:
        begin = time.process_time()
        for example in islice(endless, TURN):
            read_image(example.image)
        return time.process_time() - begin

    return turn


def peer(process: "subprocess.Popen[str]", backend: str) -> Turn:
    def turn() -> float:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{backend} {TURN}\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    return turn


def start_peer(python: str, examples: list[Example]) -> "subprocess.Popen[str]":
    """Start the other interpreter with the same images and boxes."""
    rows = [(str(e.image), torch.from_numpy(e.boxes.copy()), torch.from_numpy(e.labels.copy())) for e in examples]
    with tempfile.NamedTemporaryFile(suffix=".pt", delete=False) as file:
        torch.save(rows, file)
    command = [python, str(Path(__file__).with_name("augment_peer.py")), file.name]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    os.unlink(file.name)
    return process


def measure(turns: dict[str, Turn], seconds: float) -> dict[str, float]:
    """Samples per second of each pipeline: the median over rounds in which they take turns."""
    for turn in turns.values():
        turn()
    durations: dict[str, list[float]] = {name: [] for name in turns}
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds or len(durations["decode"]) < 3:
        for name, turn in turns.items():
            durations[name].append(turn())
    return {name: TURN / statistics.median(values) for name, values in durations.items()}


def images(dataset: Dataset) -> list[Example]:
    """The images with objects, because torchvision's zoom-out and crop need some."""
    return [example for example in dataset if len(example.labels)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split")
    parser.add_argument("--peer", help="interpreter with torchvision")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    use_one_core()
    examples = images(load_dataset(options.data, split=options.split))
    caffe = AUGMENTATIONS["caffe"]
    turns = {
        "decode": decoding(examples),
        "none": augmenting(examples, AUGMENTATIONS["none"]),
        "caffe, bilinear only": augmenting(examples, replace(caffe, interpolations=("linear",))),
        "caffe": augmenting(examples, caffe),
        "paper": augmenting(examples, AUGMENTATIONS["paper"]),
    }
    process = start_peer(options.peer, examples) if options.peer else None
    if process:
        turns |= {f"torchvision, {backend}": peer(process, backend) for backend in ("pil", "tensor")}
    rates = measure(turns, options.seconds)
    if process:
        process.communicate()
    report(rates, as_json=options.json)


def report(rates: dict[str, float], *, as_json: bool) -> None:
    best = max((rate for name, rate in rates.items() if name.startswith("torchvision")), default=None)
    if as_json:
        print(json.dumps({"samples_per_second": rates, "peer": best}))
        return
    for name, rate in rates.items():
        print(f"{name:24s} {rate:7.0f} /s" + (f"  {rate / best:5.1f} x torchvision" if best else ""))


if __name__ == "__main__":
    main()
