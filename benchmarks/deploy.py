"""One detector in every format: size, average precision, agreement, time and memory, as one table.

    python -m benchmarks.deploy WEIGHTS FILE... --data DATA --out deploy.json --measure quality starts
    python -m benchmarks.deploy WEIGHTS FILE... --data DATA --out deploy.json --measure times

FILE is a path, with ":ENGINE" or ":ENGINE:PRECISION" if it has several. `--measure` says what is measured. The rows of
an existing `--out` keep the rest, so that times can be taken alone, in a minute on a quiet machine.

Quality: average precision on the images of the data set. "found" is the share of detections from 0.3 in PyTorch that
have a counterpart of the same class at an IoU of at least 0.5; "pixels" and "score" are the median and the largest
difference of these, pixels over the four sides. Times are medians over single images, formats in turns, of the network
with postprocessing. "start" is the processor time of a new process from its start to its first detections, and "memory"
its largest resident memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from multibox.bench.machine import describe_machine
from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.errors import MultiboxError
from multibox.evaluation.evaluate import evaluate

MEASURES = ("quality", "times", "starts")
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


def quality(detector: Detector, dataset: Dataset, expected: Sequence[Detections]) -> dict[str, Any]:
    """Average precision on the data set, and how detections from 0.3 differ from the expected ones."""
    found = list(_detected(detector, dataset))
    by_id = {example.id: one for example, one in zip(dataset, found, strict=True)}
    hits, pixels, scores = 0, [0.0], [0.0]
    for one, other in zip(found, expected, strict=True):
        for box, score, label in _columns(other.above(0.3)):
            overlaps = np.where(one.labels == label, _overlaps(one.boxes, box), 0)
            if overlaps.max(initial=0) < 0.5:
                continue
            best = int(overlaps.argmax())
            hits += 1
            pixels.append(float(np.abs(one.boxes[best] - box).max()))
            scores.append(abs(float(one.scores[best] - score)))
    count = sum(len(other.above(0.3)) for other in expected)
    return {
        "images": len(dataset),
        "ap": evaluate(by_id, dataset).mean,
        "found": hits / max(count, 1),
        "pixels": [median(pixels), max(pixels)],
        "score": [median(scores), max(scores)],
    }


def _detected(detector: Detector, dataset: Dataset) -> Iterator[Detections]:
    for found in detector.try_each(example.image for example in dataset):
        if isinstance(found, MultiboxError):
            sys.exit(str(found))
        yield found


def _columns(found: Detections) -> Iterator[tuple[np.ndarray, float, int]]:
    return zip(found.boxes, found.scores, found.labels, strict=True)


def _overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    shared = (high - low).clip(min=0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return shared / (areas + (box[2:] - box[:2]).prod() - shared)


def start(source: str, engine: str, precision: str, image: str, *, rounds: int) -> dict[str, Any]:
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
    return {"start_cpu_seconds": min(seconds), "memory_mib": memory, "torch": torch}


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


def measure_times(detectors: Sequence[Detector], images: Sequence[str], *, rounds: int) -> list[float]:
    """Median milliseconds of network and postprocessing, one image each in turns; the first round does not count."""
    times: list[list[float]] = [[] for _ in detectors]
    for number in range(rounds + 1):
        for detector, own in zip(detectors, times, strict=True):
            stages = detector.timed(images[number % len(images)])[1]
            own.append(stages["network"] + stages["postprocessing"])
    return [median(own[1:]) for own in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights")
    parser.add_argument("files", nargs="*", help="FILE[:ENGINE[:PRECISION]]")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--measure", nargs="+", choices=MEASURES, default=MEASURES)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = measured(given)
    print(table(rows))


def measured(given: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of the files, with what an earlier run measured."""
    reference = Detector.load(given.weights, engine="torch", device="cpu")
    dataset = subset(load_dataset(given.data, split=given.split, classes=reference.class_names), given.images)
    detectors = [loaded(words) for words in given.files]
    earlier = json.loads(given.out.read_text())["rows"] if given.out and given.out.is_file() else []
    known = {row["of"]: row for row in earlier}
    news = [described(words, one) for words, one in zip(given.files, detectors, strict=True)]
    rows = [known.get(new["of"], {}) | new for new in news]
    images = [str(example.image) for example in dataset]
    if "times" in given.measure:
        for row, milliseconds in zip(rows, measure_times(detectors, images, rounds=given.rounds), strict=True):
            row["milliseconds"] = milliseconds
    expected = list(_detected(reference, dataset)) if "quality" in given.measure else []
    for words, row, detector in zip(given.files, rows, detectors, strict=True):
        if expected:
            row |= quality(detector, dataset, expected)
        if "starts" in given.measure:
            row |= start(*parts(words), images[0], rounds=given.starts)
        print(json.dumps(row), file=sys.stderr, flush=True)
        if given.out:
            given.out.write_text(json.dumps({"machine": describe_machine(), "rows": rows}, indent=1) + "\n")
    return rows


def described(words: str, detector: Detector) -> dict[str, Any]:
    source, *choices = parts(words)
    name, engine = Path(source).name, detector.engine.config.description
    return {"of": ":".join((name, *choices)), "file": name, "engine": engine, "bytes": file_size(source)}


def _pair(text: str) -> Callable[[Sequence[float]], str]:
    return lambda pair: " / ".join(format(number, text if number < 10 else ".0f") for number in pair)


COLUMNS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "file": ("file", lambda name: f"`{name}`"),
    "engine": ("engine", str),
    "bytes": ("size MB", lambda count: f"{count / 1e6:.1f}"),
    "ap": ("AP %", lambda ap: f"{100 * ap:.1f}"),
    "found": ("found %", lambda share: f"{100 * share:.1f}"),
    "pixels": ("pixels", _pair(".1g")),
    "score": ("score", _pair(".1g")),
    "milliseconds": ("ms", lambda milliseconds: f"{milliseconds:.1f}"),
    "start_cpu_seconds": ("start s", lambda seconds: f"{seconds:.2f}"),
    "memory_mib": ("memory MiB", lambda mib: f"{mib:.0f}"),
    "torch": ("PyTorch", lambda torch: "yes" if torch else "no"),
}
"""What each key of a row is called in the table, and how it is written."""


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows in Markdown, with the columns that were measured."""
    columns = {key: column for key, column in COLUMNS.items() if any(key in row for row in rows)}
    heads = [[name for name, _ in columns.values()], ["---"] * len(columns)]
    cells = [[text(row[key]) if key in row else "-" for key, (_, text) in columns.items()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in heads + cells)


if __name__ == "__main__":
    main()
