"""Find the problems of a data set before training does, and name every file and object."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.check.classes import class_problems
from multibox.check.coverage import coverage_problems, usable
from multibox.check.duplicates import duplicate_problems, named_twice, overlap_problems
from multibox.check.holdout import HoldoutCounts, check_holdout
from multibox.check.image_scan import image_problems, scan_images
from multibox.check.loaded import check_loaded
from multibox.check.objects import record_problems, zero_based
from multibox.check.order import sort_problems
from multibox.check.splits import scan_splits
from multibox.data.formats.problem import Problem
from multibox.data.formats.recognize import recognize
from multibox.data.formats.record import RawDataset
from multibox.priors import PriorSpec
from multibox.system.progress import Progress
from multibox.tiling.coverage import Coverage, measure_coverage


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

    `splits` are the numbers of images, `classes` those of objects as annotated. `coverage` is None without priors,
    `holdout` without a share to hold out.
    """

    raw: RawDataset
    splits: dict[str, int]
    classes: dict[str, int]
    problems: tuple[Problem, ...]
    coverage: Coverage | None
    holdout: HoldoutCounts | None = None

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
            **({"holdout": self.holdout.to_json()} if self.holdout else {}),
            "problems": [problem.to_json() for problem in self.problems],
        }


def check_dataset(
    path: Path | str,
    *,
    split: str | None = None,
    priors: PriorSpec | None = None,
    pixel_rule: str = "voc",
    outside: bool = False,
    holdout: float | None = None,
    progress: Progress | None = None,
) -> CheckResult:
    """Read and decode all of a data set, or of one split, and list the problems.

    The check includes every test that training makes, on the split that training takes by default or on `split`.
    With `priors`, also measure how well they cover the objects. With `holdout`, also count what a training would hold
    out for validation. `progress` counts images: first those decoded, then
    those measured. Raises DataError only if there is nothing to check: no data set, or no such split.
    """
    scanned = scan_splits(recognize(path, pixel_rule=pixel_rule, outside=outside), split)
    raw, membership, problems = scanned.raw, scanned.membership, scanned.problems
    problems += [*raw.faults, *class_problems(_counts(raw, crowds=False), name=raw.name), *zero_based(raw)]
    images = scan_images([record.image for record in raw.records], progress)
    for record in raw.records:
        problems += record_problems(raw, record)
        problems += image_problems(raw, record, images[record.image])
    problems += [
        *named_twice(raw),
        *duplicate_problems(images, membership),
        *overlap_problems(membership, name=raw.name),
    ]
    coverage = None
    if priors is not None:
        dataset = usable(raw)
        coverage = measure_coverage(dataset, priors, progress=progress)
        problems += coverage_problems(raw, dataset, coverage, priors)
    counts = None
    if holdout is not None:
        counts, one_sided = check_holdout(scanned, holdout)
        problems += one_sided
    problems += _errors_of_training(scanned.training, problems)
    sizes = Counter(name for record in raw.records for name in membership[record.image])
    splits = {name: sizes[name] for name in scanned.names}
    return CheckResult(raw, splits, _counts(raw, crowds=True), sort_problems(problems), coverage, counts)


def _errors_of_training(raw: RawDataset | None, known: Sequence[Problem]) -> list[Problem]:
    """The errors of the training split that are not known yet, so that "ok" means that training starts."""
    if raw is None:
        return []
    kinds = {problem.kind for problem in known if problem.severity == "error"}
    errors = [problem for problem in check_loaded(usable(raw)) if problem.severity == "error"]
    return [problem for problem in errors if problem.kind not in kinds]


def _counts(raw: RawDataset, *, crowds: bool) -> dict[str, int]:
    """Objects of each class as written, in the order of the classes, with or without crowds."""
    items = (item for record in raw.records for item in record.objects if crowds or not item.crowd)
    used = Counter(raw.labels.get(item.category, -1) for item in items)
    return {name: used[label] for label, name in enumerate(raw.class_names)}
