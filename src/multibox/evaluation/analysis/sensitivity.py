"""Normalized AP by size and by aspect ratio of the objects: the numbers of Figures 4 and 6 of the SSD paper.

Source: D. Hoiem, Y. Chodpathumwan, Q. Dai, "Diagnosing Error in Object Detectors", ECCV 2012, sections 2.3 and 3.2;
`averagePrecisionNormalized.m` and `analyzeTrueDetections.m` of its program.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from multibox.data.dataset import Dataset, Example
from multibox.evaluation.analysis.kinds import Diagnosis, Kind

AREAS = ("XS", "S", "M", "L", "XL")
ASPECTS = ("XT", "T", "M", "W", "XW")
NORMAL_SHARE = 0.15  # objects of a class per image in the hypothetical data set that precision is normalized to

_CUTS = (1, 3, 7, 9)  # tenths of a class's objects: 10, 20, 40, 20, 10 per cent


@dataclass(frozen=True)
class NormalizedAp:
    """A normalized AP (nan without objects) and its standard error (nan for fewer than two objects)."""

    ap: float
    error: float
    num_objects: int

    def to_json(self) -> dict[str, Any]:
        ap, error = (None if np.isnan(value) else round(value, 6) for value in (self.ap, self.error))
        return {"ap": ap, "standard_error": error, "objects": self.num_objects}


@dataclass(frozen=True)
class Sensitivity:
    """Normalized AP of a class: of all its objects, by area (AREAS) and by aspect ratio (ASPECTS)."""

    overall: NormalizedAp
    area: tuple[NormalizedAp, ...]
    aspect: tuple[NormalizedAp, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "overall": self.overall.to_json(),
            "area": {name: ap.to_json() for name, ap in zip(AREAS, self.area, strict=True)},
            "aspect": {name: ap.to_json() for name, ap in zip(ASPECTS, self.aspect, strict=True)},
        }


def sensitivity(dataset: Dataset, *, diagnosis: Diagnosis) -> dict[str, Sensitivity]:
    """Compute the sensitivity by class name, for classes with objects.

    A class's objects are sorted by the area of the box, or by width / height, and divided into five bins after the
    first 10, 30, 70 and 90 per cent; objects equal to the last one of a bin belong to it. The AP of a bin counts only
    its objects: correct detections of other objects are left out, false positives stay. Difficult objects and crowds
    are left out.
    """
    normal = NORMAL_SHARE * len(dataset)
    return {
        name: _of_class(dataset, diagnosis=diagnosis, label=label, normal=normal)
        for label, name in enumerate(dataset.class_names)
        if diagnosis.num_objects[label] > 0
    }


def normalized_ap(
    right: Bool[np.ndarray, " k"], *, wrong: Bool[np.ndarray, " k"], num_objects: int, normal: float
) -> NormalizedAp:
    """Compute the AP of ranked detections as if the class had `normal` objects.

    A detection that is neither right nor wrong is left out. With recall r and f false positives so far, the precision
    is r normal / (r normal + f), made non-increasing. The AP is the mean over objects of the precision where the object
    is found, 0 for missed objects; the standard error is that of this mean.
    """
    if num_objects == 0:
        return NormalizedAp(float("nan"), float("nan"), 0)
    found = np.cumsum(right) * normal / num_objects
    total = found + np.cumsum(wrong)
    precision = np.divide(found, total, out=np.zeros_like(found), where=total > 0)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    values = np.zeros(num_objects)
    values[: right.sum()] = precision[right]
    error = float(values.std(ddof=1) / np.sqrt(num_objects)) if num_objects > 1 else float("nan")
    return NormalizedAp(float(values.mean()), error, num_objects)


def bins_of(values: Float64[np.ndarray, " g"]) -> Int64[np.ndarray, " g"]:
    """Return the bin, 0 to 4, of each value: 10, 20, 40, 20, 10 per cent from the smallest; ties go to the lower."""
    ordered = np.sort(values)
    places = [(cut * len(values) + 5) // 10 for cut in _CUTS]
    limits = [ordered[place - 1] if place else -np.inf for place in places]
    return np.searchsorted(np.array(limits, dtype=np.float64), values, side="left")


def _of_class(dataset: Dataset, *, diagnosis: Diagnosis, label: int, normal: float) -> Sensitivity:
    order = diagnosis.ranked(label)
    right = diagnosis.kind[order] == Kind.CORRECT
    rows = [(i, g) for i, example in enumerate(dataset) for g in _objects(example.labels == label, example)]
    width, height = np.array([dataset[i].boxes[g, 2:] - dataset[i].boxes[g, :2] for i, g in rows], np.float64).T
    number_of = {row: number for number, row in enumerate(rows)}
    keys = zip(diagnosis.image[order][right].tolist(), diagnosis.target[order][right].tolist(), strict=True)
    number = np.full(len(order), -1)
    number[right] = [number_of[key] for key in keys]

    def by(values: np.ndarray) -> tuple[NormalizedAp, ...]:
        bins = bins_of(values)
        detected = np.where(right, bins[number], -1)
        return tuple(
            normalized_ap(detected == k, wrong=~right, num_objects=int((bins == k).sum()), normal=normal)
            for k in range(len(AREAS))
        )

    overall = normalized_ap(right, wrong=~right, num_objects=len(rows), normal=normal)
    return Sensitivity(overall, by(width * height), by(width / np.maximum(height, 1e-9)))


def _objects(of_class: Bool[np.ndarray, " g"], example: Example) -> list[int]:
    """Return the numbers of the objects of the class that count."""
    return np.flatnonzero(of_class & ~(example.difficult | example.crowd)).tolist()
