"""Find the problems of a data set before training does, and name every file and object."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from multibox.check.classes import class_problems
from multibox.check.coverage import coverage_problems, usable
from multibox.check.duplicates import duplicate_problems, overlap_problems
from multibox.check.image_scan import image_problems, scan_images
from multibox.check.objects import record_problems, zero_based
from multibox.data.dataset import Dataset, Example
from multibox.data.formats.format import Source
from multibox.data.formats.problem import Problem
from multibox.data.formats.recognize import recognize
from multibox.data.formats.record import RawDataset, Record
from multibox.errors import DataError
from multibox.priors import PriorSpec
from multibox.system.progress import Progress
from multibox.tiling.coverage import Coverage, measure_coverage
from multibox.words import listed


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    `splits` are the numbers of images, `classes` those of objects as annotated. `coverage` is None without priors.
    """

    raw: RawDataset
    splits: dict[str, int]
    classes: dict[str, int]
    problems: tuple[Problem, ...]
    coverage: Coverage | None

    @property
    def ok(self) -> bool:
        """Whether no problem is an error."""
        return not any(problem.severity == "error" for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """The document of `multibox data check --json`."""
        return {
            "ok": self.ok,
            "name": self.raw.name,
            "format": self.raw.format,
            "splits": self.splits,
            "images": len(self.raw.records),
            "objects": sum(len(record.objects) for record in self.raw.records),
            "classes": self.classes,
            "coverage": self.coverage.to_json() if self.coverage else {},
            "problems": [problem.to_json() for problem in self.problems],
        }


def check_dataset(
    path: Path | str,
    *,
    split: str | None = None,
    priors: PriorSpec | None = None,
    pixel_rule: str = "voc",
    progress: Progress | None = None,
) -> CheckResult:
    """Read and decode everything of a data set, every split if `split` is None, and list what is wrong.

    With `priors` it is also measured how well they reach the objects. `progress` is told (done, all) images, first of
    decoding and then of measuring.
    Raises DataError only where there is nothing to check: no data set, no such split.
    """
    raw, membership, problems = _scan(recognize(path, pixel_rule=pixel_rule), split)
    counts = _counts(raw)
    problems += [*raw.faults, *class_problems(counts, name=raw.name), *zero_based(raw)]
    images = scan_images([record.image for record in raw.records], progress)
    for record in raw.records:
        problems += record_problems(raw, record)
        problems += image_problems(raw, record, images[record.image])
    problems += [*duplicate_problems(images, membership), *overlap_problems(membership, name=raw.name)]
    coverage = None
    if priors is not None:
        dataset = usable(raw)
        coverage = measure_coverage(dataset, priors, progress=progress)
        problems += coverage_problems(raw, dataset, coverage, priors)
    sizes = Counter(name for names in membership.values() for name in names)
    return CheckResult(raw, dict(sizes), counts, _sorted(problems), coverage)


def cheap_check(dataset: Dataset) -> list[Problem]:
    """What can be told of a data set that was read without opening an image; training runs it first."""
    counts = Counter(label for example in dataset for label in example.labels.tolist())
    problems = [*class_problems({name: counts[i] for i, name in enumerate(dataset.class_names)}, name=dataset.name)]
    twice = [name for name, count in Counter(example.id for example in dataset).items() if count > 1]
    if twice:
        message = f"ids occur more than once: {listed(twice)}; their detections could not be told apart"
        problems.append(Problem("duplicate_id", "error", dataset.name, None, message))
    if dataset.problems:
        message = (
            f"{len(dataset.problems)} lines about what was passed over in reading, the first: {dataset.problems[0]}"
        )
        problems.append(Problem("passed_over", "warning", dataset.name, None, message))
    for example in dataset:
        problems += _example_problems(example, len(dataset.class_names))
    return list(_sorted(problems))


def _example_problems(example: Example, classes: int) -> Iterator[Problem]:
    file = str(example.image)
    if not example.image.is_file():
        yield Problem("missing_image", "error", file, None, "the image does not exist; add it or leave it out")
    if not len(example.labels):
        yield Problem("empty", "note", file, None, "has no objects; it counts as a background")
    elif example.difficult.all():
        yield Problem("all_difficult", "note", file, None, "has only difficult objects; evaluation ignores it")
    for place in np.flatnonzero((example.labels < 0) | (example.labels >= classes)):
        message = f"label {example.labels[place]} is none of the {classes} classes"
        yield Problem("class_out_of_range", "error", file, f"object {place + 1}", message)
    extent = example.boxes[:, 2:] - example.boxes[:, :2]
    for place in np.flatnonzero(~(extent > 0).all(axis=1) | ~np.isfinite(example.boxes).all(axis=1)):
        message = f"box {example.boxes[place].tolist()} has no width or height"
        yield Problem("degenerate", "error", file, f"object {place + 1}", message)


def _scan(source: Source, split: str | None) -> tuple[RawDataset, dict[Path, set[str]], list[Problem]]:
    """Everything asked for as one data set, the splits that each image is in, and what could not be scanned."""
    if split is not None:
        raw = source.scan(split)
        return raw, {record.image: {split} for record in raw.records}, []
    problems: list[Problem] = []
    scans: dict[str, RawDataset] = {}
    unlisted = source.everything()
    for name in [*source.splits(), *([unlisted] if unlisted else [])]:
        try:
            scans[name] = source.scan(name)
        except DataError as error:
            problems.append(Problem("unreadable_split", "error", name, None, str(error)))
    if not scans:
        raise DataError(problems[0].message if problems else "the data set has no split; name one")
    listed_scans = {name: raw for name, raw in scans.items() if name != unlisted}
    raw, membership = _united(scans, listed_scans)
    problems += _without_split(raw, membership) if listed_scans else []
    return raw, membership, problems


def _united(
    scans: Mapping[str, RawDataset], listed_scans: Mapping[str, RawDataset]
) -> tuple[RawDataset, dict[Path, set[str]]]:
    records: dict[tuple[Path, Path | None], Record] = {}
    faults: dict[tuple[str, str, str | None], Problem] = {}
    membership: dict[Path, set[str]] = {}
    for name, raw in scans.items():
        for record in raw.records:
            records.setdefault((record.image, record.annotation), record)
            membership.setdefault(record.image, set()).update({name} if name in listed_scans else set())
        for fault in raw.faults:
            faults.setdefault((fault.kind, fault.file, fault.object), fault)
    first = next(iter(scans.values()))
    name = first.name.rpartition(" ")[0] or first.name
    whole = replace(first, name=name, records=tuple(records.values()), faults=tuple(faults.values()))
    return whole, membership


def _without_split(raw: RawDataset, membership: Mapping[Path, set[str]]) -> Iterator[Problem]:
    outside = [path.name for path, names in membership.items() if not names]
    if outside:
        message = f"{len(outside):,} annotated images are in no split: {listed(outside, limit=3)}"
        yield Problem("in_no_split", "note", raw.name, None, message)


def _counts(raw: RawDataset) -> dict[str, int]:
    """Objects of each class as written, in the order of the classes."""
    used = Counter(raw.labels.get(item.category, -1) for record in raw.records for item in record.objects)
    return {name: used[label] for label, name in enumerate(raw.class_names)}


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    """Errors first, then by kind; the order of the files is kept."""
    order = ("error", "warning", "note")
    return tuple(sorted(problems, key=lambda problem: (order.index(problem.severity), problem.kind)))
