"""One detector in every format: size, average precision, agreement, time and memory, as a table.

    python -m benchmarks.deploy WEIGHTS FILE... --data DATA [--split test] [--images 100] [--rounds 30]

Average precision is that of evenly spaced images of the data set. "difference" is the largest change of the score of a
detection from 0.3 against the weights in PyTorch, and "found" the share of these detections with a counterpart of the
same class at an IoU of at least 0.8. Times are medians over single images, formats in turns. "start" is the time of a
new process from its start to its first detections, and "memory" its largest resident memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.errors import MultiboxError
from multibox.evaluation.evaluate import evaluate

FIRST_BOX = (
    "import sys, multibox\n"
    "source, engine, precision, image = sys.argv[1:]\n"
    "multibox.Detector.load(source, engine=engine or None, precision=precision or None)(image)\n"
    "peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
    "print(peak, 'torch' in sys.modules)\n"
)


def subset(dataset: Dataset, count: int) -> Dataset:
    places = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int))
    return replace(dataset, examples=tuple(dataset[place] for place in places.tolist()))


def file_size(source: str) -> int:
    """The bytes of a file, with the weights that OpenVINO keeps beside it; 0 for a published name."""
    path = Path(source)
    beside = path.with_suffix(".bin")
    return sum(p.stat().st_size for p in (path, beside) if p.is_file() and (p == path or path.suffix == ".xml"))


def against(found: Sequence[Detections], expected: Sequence[Detections]) -> tuple[float, float]:
    """The share of expected detections that have a counterpart, and the largest difference of their scores."""
    hits, differences = [], [0.0]
    for one, other in zip(found, expected, strict=True):
        for box, score, label in zip(other.boxes, other.scores, other.labels, strict=True):
            if score < 0.3:
                continue
            near = (one.labels == label) & (_overlaps(one.boxes, box) >= 0.8)
            hits.append(bool(near.any()))
            if near.any():
                differences.append(float(np.abs(one.scores[near] - score).min()))
    return float(np.mean(hits)), max(differences)


def _overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    shared = (high - low).clip(min=0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return shared / (areas + (box[2:] - box[:2]).prod() - shared)


def start(source: str, engine: str, precision: str, image: str, *, rounds: int) -> tuple[float, float, bool]:
    """Seconds and MiB of a new process until its first detections, the best of `rounds`; whether it has torch."""
    seconds, memory, torch = [], 0.0, False
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", FIRST_BOX, source, engine, precision, image]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        words = done.stdout.split()[-2:]
        memory, torch = int(words[0]) / 1024, words[1] == "True"
    return min(seconds), memory, torch


def parts(words: str) -> tuple[str, str, str]:
    """File, engine and precision of FILE[:ENGINE[:PRECISION]]; empty if not given."""
    source, engine, precision = (*words.split(":"), "", "")[:3]
    return source, engine, precision


def loaded(words: str) -> Detector:
    """The detector of FILE[:ENGINE[:PRECISION]]. One that cannot run ends the program, before any is measured."""
    source, engine, precision = parts(words)
    try:
        return Detector.load(source, engine=engine or None, precision=precision or None, device="cpu")
    except MultiboxError as error:
        sys.exit(f"{words}: {error}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights")
    parser.add_argument("files", nargs="*", help="FILE[:ENGINE[:PRECISION]]")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    reference = Detector.load(given.weights, engine="torch", device="cpu")
    dataset = subset(load_dataset(given.data, split=given.split, classes=reference.class_names), given.images)
    images = [str(example.image) for example in dataset]
    expected = reference(images)
    rows: list[dict[str, Any]] = []
    detectors: list[tuple[Detector, list[float]]] = [(loaded(words), []) for words in given.files]
    for words, (detector, _) in zip(given.files, detectors, strict=True):
        source, engine, precision = parts(words)
        share, difference = against(detector(images), expected)
        seconds, memory, torch = start(source, engine, precision, images[0], rounds=given.starts)
        row = {
            "file": Path(source).name,
            "engine": detector.engine.config.description,
            "bytes": file_size(source),
            "ap": evaluate(detector, dataset).mean,
            "found": share,
            "difference": difference,
            "start_cpu_seconds": seconds,
            "memory_mib": memory,
            "torch": torch,
        }
        print(json.dumps(row), file=sys.stderr, flush=True)
        rows.append(row)
    for number in range(given.rounds):
        for detector, times in detectors:
            stages = detector.timed(images[number % len(images)])[1]
            times.append(stages["network"] + stages["postprocessing"])
    for row, (_, times) in zip(rows, detectors, strict=True):
        row["milliseconds"] = median(times)
    if given.out:
        given.out.write_text(json.dumps({"images": len(images), "rounds": given.rounds, "rows": rows}, indent=1) + "\n")
    print(table(rows))


def table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| file | engine | size MB | AP % | found % | difference | ms | start s | memory MiB | PyTorch |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        numbers = (
            f"{row['bytes'] / 1e6:.1f} | {100 * row['ap']:.1f} | {100 * row['found']:.1f} | {row['difference']:.1e} | "
            f"{row['milliseconds']:.1f} | {row['start_cpu_seconds']:.2f} | {row['memory_mib']:.0f}"
        )
        lines.append(f"| `{row['file']}` | {row['engine']} | {numbers} | {'yes' if row['torch'] else 'no'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
