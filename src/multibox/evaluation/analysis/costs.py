"""The cost of each kind of error: the AP that a detector would gain without it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import UsageError
from multibox.evaluation.analysis.kinds import RIGHT_IOU, Diagnosis, Kind, missed_objects
from multibox.evaluation.metrics import find_metric
from multibox.system.progress import Progress

REPAIRS = ("localization", "duplicate", "similar", "other", "background", "missed")


_KINDS = {kind.title: kind for kind in Kind}


@dataclass(frozen=True)
class ErrorCosts:
    """AP of a detector, and its gain by each of REPAIRS alone; `by_class` has a row of gains for every class.

    The gains do not add up to the missing AP, because one error can hide another.
    """

    metric: str
    ap: float
    gain: dict[str, float]
    by_class: dict[str, dict[str, float]]

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "ap": _number(self.ap),
            "gain": {name: _number(value) for name, value in self.gain.items()},
            "gain_by_class": {
                name: {repair: _number(value) for repair, value in row.items()} for name, row in self.by_class.items()
            },
        }


def error_costs(
    dataset: Dataset,
    *,
    detections: Sequence[Detections],
    diagnosis: Diagnosis,
    metric: str,
    progress: Progress | None = None,
) -> ErrorCosts:
    """Compute the gain of each repair: the AP of a metric after `repaired` minus the AP before.

    `metric` is the name of a metric; `progress` is called with the number of finished evaluations and of all. Kinds are
    determined at IoU 0.5 for every metric. A gain in a metric of several thresholds can therefore be negative: a
    duplicate at 0.5 may be the correct detection at 0.75.
    """
    chosen = find_metric(metric)
    before = chosen.evaluate(dataset, detections)
    gain: dict[str, float] = {}
    by_class: dict[str, dict[str, float]] = {name: {} for name in dataset.class_names}
    for number, repair in enumerate(REPAIRS, 1):
        if progress is not None:
            progress(number, len(REPAIRS) + 1)
        better = repaired(dataset, detections=detections, diagnosis=diagnosis, repair=repair)
        after = chosen.evaluate(*better)
        gain[repair] = after.mean - before.mean
        for name in dataset.class_names:
            by_class[name][repair] = after.ap[name] - before.ap[name]
    if progress is not None:
        progress(len(REPAIRS) + 1, len(REPAIRS) + 1)
    return ErrorCosts(metric, before.mean, gain, by_class)


def repaired(
    dataset: Dataset, *, detections: Sequence[Detections], diagnosis: Diagnosis, repair: str
) -> tuple[Dataset, list[Detections]]:
    """Return the data set and the detections without one kind of error, one of REPAIRS; other errors stay.

    localization: correct detections and localization errors get their object's box. If an object has several
    localization errors, the one with the highest score stays, and only if the object has no correct detection.
    similar, other: a detection gets its object's class if its IoU is at least 0.5, the object has no correct detection,
    and no detection of the kind with a higher score gets it. The others are removed.
    duplicate, background: the detections are removed.
    missed: objects without a correct detection are removed from the data set, except those that the repair of
    localization, similar or other would find. A class without remaining objects is left out of the mean.
    UsageError for another repair.
    """
    if repair not in REPAIRS:
        raise UsageError(f"repair {repair!r}; it is one of {', '.join(REPAIRS)}")
    if repair == "missed":
        return _without_missed(dataset, diagnosis), list(detections)
    kind = _KINDS[repair]
    stays = _repairable(dataset, diagnosis, kind)
    return dataset, [
        _repair_image(dataset, number, found, diagnosis=diagnosis, kind=kind, stays=stays)
        for number, found in enumerate(detections)
    ]


def _repairable(dataset: Dataset, diagnosis: Diagnosis, kind: Kind) -> Bool[np.ndarray, " n"]:
    """Mark the detections that the repair of their kind makes correct: the best for each missed object that counts."""
    stays = np.zeros(len(diagnosis.kind), dtype=bool)
    if kind in (Kind.DUPLICATE, Kind.BACKGROUND):
        return stays
    missed = missed_objects(dataset, diagnosis=diagnosis)
    needed = 0.0 if kind == Kind.LOCALIZATION else RIGHT_IOU
    candidates = np.flatnonzero((diagnosis.kind == kind) & (diagnosis.iou >= needed))
    for n in candidates[np.argsort(-diagnosis.scores[candidates], kind="stable")]:
        objects = missed[diagnosis.image[n]]
        stays[n] = objects[diagnosis.target[n]]
        objects[diagnosis.target[n]] = False
    return stays


def _repair_image(
    dataset: Dataset,
    number: int,
    found: Detections,
    *,
    diagnosis: Diagnosis,
    kind: Kind,
    stays: Bool[np.ndarray, " n"],
) -> Detections:
    """Return the detections of one image after a repair."""
    example = dataset[number]
    here = slice(*np.searchsorted(diagnosis.image, [number, number + 1]))
    kinds, target, kept = diagnosis.kind[here], diagnosis.target[here], (diagnosis.kind[here] != kind) | stays[here]
    counted = found.take(diagnosis.position[here])
    boxes, labels = counted.boxes, counted.labels  # copies
    if kind == Kind.LOCALIZATION:
        moved = (kinds == Kind.CORRECT) | stays[here]
        boxes[moved] = example.boxes[target[moved]]
    elif kind in (Kind.SIMILAR, Kind.OTHER):
        labels[stays[here]] = example.labels[target[stays[here]]]
    return replace(counted, scores=diagnosis.scores[here]).take(np.flatnonzero(kept))


def _without_missed(dataset: Dataset, diagnosis: Diagnosis) -> Dataset:
    missed = missed_objects(dataset, diagnosis=diagnosis)
    for kind in (Kind.LOCALIZATION, Kind.SIMILAR, Kind.OTHER):
        for n in np.flatnonzero(_repairable(dataset, diagnosis, kind)):
            missed[diagnosis.image[n]][diagnosis.target[n]] = False
    examples = tuple(example.keep(~gone) for example, gone in zip(dataset, missed, strict=True))
    return replace(dataset, examples=examples)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)
