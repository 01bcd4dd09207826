"""What each kind of error costs: the AP that would be gained if it alone did not happen."""

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
class Costs:
    """AP of a detector, and what it gains by each of REPAIRS alone; `by_class` has a row of gains for every class.

    Gains do not sum to what is missing: an error may hide behind another.
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


def costs(
    dataset: Dataset,
    *,
    detections: Sequence[Detections],
    diagnosis: Diagnosis,
    metric: str,
    progress: Progress | None = None,
) -> Costs:
    """The gains in a metric of METRICS, each the AP after `repaired` less the AP as it is.

    `progress` is called with the number of evaluations done and of all.

    Kinds are those at IoU 0.5 whatever the metric. For coco that leaves a little to interpretation: a duplicate at 0.5
    may be the one that is right at 0.75, so that removing duplicates can even cost AP.
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
    return Costs(metric, before.mean, gain, by_class)


def repaired(
    dataset: Dataset, *, detections: Sequence[Detections], diagnosis: Diagnosis, repair: str
) -> tuple[Dataset, list[Detections]]:
    """The data set and the detections without one kind of error, one of REPAIRS; all other errors stay.

    localization: boxes of correct detections and of localization errors become their objects' boxes. Of several errors
    at one object the best stays, and only if no correct detection has the object; the others are removed.
    similar, other: the detection gets its object's class where its IoU is at least 0.5 and no correct detection has the
    object; the best of several. The others are removed.
    duplicate, background: the detections are removed.
    missed: objects without a correct detection are taken out of the data set, but for those that the repair of
    localization, similar or other would find. A class that loses all objects so leaves the mean.
    UsageError for another repair.
    """
    if repair not in REPAIRS:
        raise UsageError(f"repair {repair!r}; it is one of {', '.join(REPAIRS)}")
    if repair == "missed":
        return _without_missed(dataset, diagnosis), list(detections)
    kind = _KINDS[repair]
    stays = _rescued(dataset, diagnosis, kind)
    return dataset, [
        _repair_image(dataset, number, found, diagnosis=diagnosis, kind=kind, stays=stays)
        for number, found in enumerate(detections)
    ]


def _rescued(dataset: Dataset, diagnosis: Diagnosis, kind: Kind) -> Bool[np.ndarray, " n"]:
    """The detections of a kind that its repair makes correct: the best for each object that counts and is missed."""
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
    """The detections of one image after a repair."""
    example = dataset[number]
    here = slice(*np.searchsorted(diagnosis.image, [number, number + 1]))
    kinds, target, kept = diagnosis.kind[here], diagnosis.target[here], (diagnosis.kind[here] != kind) | stays[here]
    boxes, labels = found.boxes[diagnosis.position[here]], found.labels[diagnosis.position[here]]
    if kind == Kind.LOCALIZATION:
        moved = (kinds == Kind.CORRECT) | stays[here]
        boxes[moved] = example.boxes[target[moved]]
    elif kind in (Kind.SIMILAR, Kind.OTHER):
        labels[stays[here]] = example.labels[target[stays[here]]]
    return replace(found, boxes=boxes[kept], labels=labels[kept], scores=diagnosis.scores[here][kept])


def _without_missed(dataset: Dataset, diagnosis: Diagnosis) -> Dataset:
    missed = missed_objects(dataset, diagnosis=diagnosis)
    for kind in (Kind.LOCALIZATION, Kind.SIMILAR, Kind.OTHER):
        for n in np.flatnonzero(_rescued(dataset, diagnosis, kind)):
            missed[diagnosis.image[n]][diagnosis.target[n]] = False
    examples = tuple(example.keep(~gone) for example, gone in zip(dataset, missed, strict=True))
    return replace(dataset, examples=examples)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)
