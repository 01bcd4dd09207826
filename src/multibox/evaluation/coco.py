"""The twelve box numbers of COCO and the AP of each class, as the COCO API computes them.

Shapes: A ranges of areas, T least IoUs, R recalls, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.evaluation.coco_matching import LEAST_IOUS, MOST_DETECTIONS, RANGES, ClassOutcomes, class_outcomes
from multibox.evaluation.flat import FlatDetections, FlatObjects

NUMBERS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
_COUNTS = (1, 10, MOST_DETECTIONS)  # detections of a class in an image for the recall
_RECALLS = np.linspace(0, 1, 101)
_ABSENT = -1.0


@dataclass(frozen=True, eq=False)
class CocoResult:
    """`numbers` holds the twelve by the names in NUMBERS; `ap` and `ap50` hold one value for each class.

    `precision` is the largest precision at each recall or a higher one. A class or a range of areas without objects has
    the value nan, in `precision` -1; means leave such classes out.
    """

    numbers: dict[str, float]
    ap: Float64[np.ndarray, " c"]
    ap50: Float64[np.ndarray, " c"]
    precision: Float64[np.ndarray, "t r c a"]


def evaluate_coco(dataset: Dataset, *, detections: Sequence[Detections]) -> CocoResult:
    """Compute AP and AR over IoU 0.5 to 0.95.

    `detections` has one entry for each image in order, with labels that index the class names. Crowd and difficult
    objects are regions in which detections are ignored. An object is small, medium or large by its area in square
    pixels: `Example.areas` if the data set has them (in COCO the area of the segmentation), else the area of the box.
    Equal scores are ordered by image id if all ids are numbers, as in COCO, else by the order of the data set.
    Source: `COCOeval` of the COCO API.
    """
    order = _official_order(dataset)
    found = FlatDetections.of([detections[i] for i in order])
    objects = FlatObjects.of([dataset[i] for i in order])
    shape = (len(LEAST_IOUS), len(_RECALLS), len(dataset.class_names), len(RANGES))
    precision = np.full(shape, _ABSENT)
    recall = np.full((shape[0], *shape[2:], len(_COUNTS)), _ABSENT)
    for label, outcomes in enumerate(class_outcomes(found, objects, classes=len(dataset.class_names))):
        for area in np.flatnonzero(outcomes.objects):
            precision[:, :, label, area] = _precision(outcomes, int(area))
            recall[:, label, area] = _recall(outcomes, int(area))
    everywhere = precision[..., 0]
    return CocoResult(
        _numbers(precision, recall), _class_means(everywhere), _class_means(everywhere[:1]), precision=precision
    )


def _official_order(dataset: Dataset) -> list[int]:
    """Return the positions of the images in the order of the COCO API: by number if every id is a number."""
    order = list(range(len(dataset)))
    if all(example.id.isdecimal() for example in dataset):
        order.sort(key=lambda position: int(dataset[position].id))
    return order


def _precision(outcomes: ClassOutcomes, area: int) -> Float64[np.ndarray, "t r"]:
    """Compute the largest precision at each recall or a higher one; 0 beyond the highest recall.

    Only true positives raise recall and precision, so the values there are enough.
    """
    result = np.zeros((len(LEAST_IOUS), len(_RECALLS)))
    for place in range(len(LEAST_IOUS)):
        right = np.flatnonzero(outcomes.right[area, place])
        number = np.arange(1, len(right) + 1)
        counted = np.cumsum(outcomes.counted[area, place])[right]
        highest = np.maximum.accumulate((number / counted)[::-1])[::-1]
        first = np.searchsorted(number / outcomes.objects[area], _RECALLS)
        reached = first < len(right)
        result[place, reached] = highest[first[reached]]
    return result


def _recall(outcomes: ClassOutcomes, area: int) -> Float64[np.ndarray, "t m"]:
    """Compute the recall with the best 1, 10 and 100 detections of each image."""
    place, row = np.nonzero(outcomes.right[area])
    ranks = outcomes.ranks[row]
    found = [np.bincount(place[ranks < count], minlength=len(LEAST_IOUS)) for count in _COUNTS]
    return np.stack(found, axis=1) / outcomes.objects[area]


def _numbers(precision: Float64[np.ndarray, "t r c a"], recall: Float64[np.ndarray, "t c a m"]) -> dict[str, float]:
    parts = [precision[..., 0], precision[0, ..., 0], precision[5, ..., 0], *(precision[..., a] for a in (1, 2, 3))]
    parts += [*(recall[:, :, 0, count] for count in range(3)), *(recall[:, :, a, -1] for a in (1, 2, 3))]
    return {name: _mean(part) for name, part in zip(NUMBERS, parts, strict=True)}


def _mean(part: Float64[np.ndarray, "..."]) -> float:
    """Compute the mean over the classes that have objects."""
    there = part[part > _ABSENT]
    return float(np.mean(there)) if len(there) else float("nan")


def _class_means(precision: Float64[np.ndarray, "t r c"]) -> Float64[np.ndarray, " c"]:
    """Compute the mean over thresholds and recalls; nan for a class without objects."""
    return np.where((precision < 0).all(axis=(0, 1)), np.nan, precision.mean(axis=(0, 1)))
