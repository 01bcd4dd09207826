"""Private memory of each worker of the training stream, epoch by epoch.

    python benchmarks/loader_memory.py --data FOLDER [--split NAME] [--epochs 20] [--workers 2] [--repeat 10]

Private memory is what /proc/PID/smaps_rollup counts as private, so Linux only; what is shared with the main process or
other workers does not count. The data set is taken `--repeat` times over, as many Example objects as a larger one has.
"""

import argparse
import json
import multiprocessing
import os
import platform
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch

from multibox.bench.machine import describe_machine
from multibox.data.augmentation.augmentation import find_augmentation
from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.data.loading.loader import batches
from multibox.size import Size

BATCH = 32


def repeated(dataset: Dataset, times: int) -> Dataset:
    examples = [replace(example, id=f"{example.id}-{n}") for n in range(times) for example in dataset]
    return replace(dataset, examples=tuple(examples))


def private_memory(process: int) -> float:
    """MiB."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def measure(dataset: Dataset, options: argparse.Namespace) -> list[list[float]]:
    """MiB of each worker at the end of each epoch."""
    stream = batches(
        dataset,
        augmentation=find_augmentation(options.augmentation),
        input_size=Size(options.size, options.size),
        batch_size=BATCH,
        seed=0,
        workers=options.workers,
    )
    rows = []
    for _ in range(options.epochs):
        for _batch in islice(stream, len(dataset) // BATCH):
            pass
        workers = sorted(process.pid for process in multiprocessing.active_children() if process.pid)
        rows.append([private_memory(worker) for worker in workers])
    return rows


def growth(rows: list[list[float]]) -> list[float]:
    """Growth of each worker in MiB from the end of the second epoch to the end of the last."""
    return [last - second for second, last in zip(rows[1], rows[-1], strict=True)]


def report(dataset: Dataset, rows: list[list[float]], options: argparse.Namespace) -> None:
    computer = describe_machine()
    versions = (
        f"Python {computer['python']}, torch {torch.__version__}, OpenCV {cv2.__version__}, NumPy {np.__version__}"
    )
    print(f"{datetime.now(UTC):%Y-%m-%d}; {computer['processor']}; {computer['cores']} cores, {platform.system()}")
    print(f"{versions}; load {computer['load']:.1f}")
    print(f"{dataset.name}, {len(dataset):,} examples, {options.augmentation} at {options.size} x {options.size}")
    print("\n| epoch |" + "".join(f" worker {n} |" for n in range(len(rows[0]))))
    print("|---:|" + "---:|" * len(rows[0]))
    for epoch, row in enumerate(rows, start=1):
        print(f"| {epoch} |" + "".join(f" {value:.1f} |" for value in row))
    print(f"\nMiB from epoch 2 to {len(rows)}: " + ", ".join(f"{change:+.1f}" for change in growth(rows)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split")
    parser.add_argument("--augmentation", default="caffe")
    parser.add_argument("--size", type=int, default=128, help="side of the input in pixels")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.epochs < 2 or options.workers < 1 or not os.path.isdir("/proc/self"):
        parser.error("at least two epochs, one worker, and Linux are needed")
    dataset = repeated(load_dataset(options.data, split=options.split), options.repeat)
    rows = measure(dataset, options)
    if options.json:
        print(json.dumps({"private_mib": rows, "growth_mib": growth(rows)}))
    else:
        report(dataset, rows, options)


if __name__ == "__main__":
    main()
