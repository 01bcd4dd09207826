"""Average precision as PASCAL VOC defines it: match detections to objects, compute the curve and the area below it.

Boxes are in continuous pixels, so the IoU has no +1. The devkit counts pixels inclusively from 1; the readers subtract
1 from the minimum corner, which results in the same areas.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int8, Int64

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.evaluation.flat import FlatDetections, FlatObjects, overlapping
from multibox.pairwise import aligned_iou, pairwise_iou

TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1
AP_VERSIONS = ("voc07", "voc10", "integral")


@dataclass(frozen=True, eq=False)
class Curve:
    """Recall and precision of one class after each counted detection, highest score first.

    Ignored detections are left out. `num_objects` is the number of counted objects; if it is 0, recall is 0 everywhere
    and the AP is nan.
    """

    scores: Float[np.ndarray, " k"]
    recall: Float64[np.ndarray, " k"]
    precision: Float64[np.ndarray, " k"]
    num_objects: int

    def ap(self, version: str) -> float:
        """Return the average precision in one of AP_VERSIONS; nan without objects, 0 with objects but no detections."""
        if self.num_objects == 0:
            return float("nan")
        return average_precision(self.recall, precision=self.precision, version=version)


@dataclass(frozen=True, eq=False)
class VocResult:
    """One curve for each class, in the order of the data set's class names."""

    curves: tuple[Curve, ...]

    def ap(self, version: str) -> Float64[np.ndarray, " c"]:
        """Return the average precision of every class; nan for a class without objects."""
        return np.array([curve.ap(version) for curve in self.curves], dtype=np.float64)

    def mean(self, version: str) -> float:
        """Return mAP: the mean over the classes that have objects; nan if no class has any.

        The official solver (`solver.cpp` TestDetection) divides by the number of all classes. The two agree if every
        class has objects.
        """
        ap = self.ap(version)
        return float(ap[~np.isnan(ap)].mean()) if not np.isnan(ap).all() else float("nan")


def evaluate_voc(dataset: Dataset, *, detections: Sequence[Detections], iou_threshold: float = 0.5) -> VocResult:
    """Compute the curves of all classes.

    `detections` has one entry for each image in order, with labels that index `dataset.class_names`. A detection that
    matches a difficult or crowd object is ignored, and such objects are not counted. Detections of equal score keep
    the order of the images, and their order within an image.
    Source: VOC devkit `VOCevaldet.m`; `detection_evaluate_layer.cpp`.
    """
    found, objects = FlatDetections.of(detections), FlatObjects.of(dataset.examples)
    outcomes = _outcomes(found, objects, iou_threshold=iou_threshold)
    classes = [found.of_class(label) for label in range(len(dataset.class_names))]
    return VocResult(
        tuple(
            precision_recall(found.scores[rows], outcomes=outcomes[rows], num_objects=count)
            for rows, count in zip(classes, count_objects(dataset), strict=True)
        )
    )


def _outcomes(found: FlatDetections, objects: FlatObjects, *, iou_threshold: float) -> Int8[np.ndarray, " n"]:
    """Return the outcomes of `match_detections` for all classes and images."""

    def iou(rows: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        return aligned_iou(found.boxes[rows], others=objects.boxes[theirs])

    pairs = overlapping(found, objects, iou, minimum=iou_threshold)
    order = np.lexsort((-pairs.ious, pairs.detections))  # equal overlaps keep the order of the objects
    hits, place = np.unique(pairs.detections[order], return_index=True)
    best = pairs.objects[order][place]
    return _judged(len(found.scores), hits, best, ignore=objects.ignored)


def _judged(
    count: int, hits: Int64[np.ndarray, " h"], best: Int64[np.ndarray, " h"], *, ignore: Bool[np.ndarray, " g"]
) -> Int8[np.ndarray, " {count}"]:
    """Return the outcomes if `hits`, the best first, overlap the objects `best` enough, and all others none."""
    outcomes = np.full(count, FALSE_POSITIVE, dtype=np.int8)
    _, first = np.unique(best, return_index=True)
    outcomes[hits[first]] = TRUE_POSITIVE
    outcomes[hits[ignore[best]]] = IGNORED
    return outcomes


def count_objects(dataset: Dataset) -> list[int]:
    """Return the number of objects of each class that are neither difficult nor crowds."""
    counts = np.zeros(len(dataset.class_names), dtype=np.int64)
    for example in dataset:
        np.add.at(counts, example.labels[~(example.difficult | example.crowd)], 1)
    return counts.tolist()


def match_detections(
    boxes: Float[np.ndarray, "n 4"],
    *,
    objects: Float[np.ndarray, "g 4"],
    ignore: Bool[np.ndarray, " g"],
    iou_threshold: float = 0.5,
) -> Int8[np.ndarray, " n"]:
    """Return TRUE_POSITIVE, FALSE_POSITIVE or IGNORED for boxes of one class in one image, highest score first.

    Each box is compared with the object that it overlaps most, even if a better box has matched that object. If the
    IoU reaches the threshold, the box is ignored if `ignore` says so for the object, a true positive if it is the
    first box of the object, and else a false positive.
    """
    if len(boxes) == 0 or len(objects) == 0:
        return np.full(len(boxes), FALSE_POSITIVE, dtype=np.int8)
    overlaps = pairwise_iou(boxes, others=objects)
    best = overlaps.argmax(axis=1)
    hits = np.flatnonzero(overlaps[np.arange(len(boxes)), best] >= iou_threshold)
    return _judged(len(boxes), hits, best[hits], ignore=ignore)


def precision_recall(scores: Float[np.ndarray, " n"], *, outcomes: Int8[np.ndarray, " n"], num_objects: int) -> Curve:
    """Compute the curve of one class over all images; detections of equal score keep their order."""
    counted = np.flatnonzero(outcomes != IGNORED)
    order = counted[np.argsort(-scores[counted], kind="stable")]
    right = np.cumsum(outcomes[order] == TRUE_POSITIVE)
    precision = right / np.arange(1, len(order) + 1)
    return Curve(scores[order], right / max(num_objects, 1), precision, num_objects)


def average_precision(recall: Float[np.ndarray, " k"], *, precision: Float[np.ndarray, " k"], version: str) -> float:
    """Compute the area below a curve with ascending recall.

    `voc07` is the mean over the recalls 0, 0.1, ..., 1 of the largest precision at that recall or a higher one.
    `voc10` is the area below the precision after it was made non-increasing, and `integral` the area below the curve
    itself. ValueError for another version.
    They are the versions 11point, MaxIntegral and Integral of ComputeAP (`bbox_util.cpp` 1996). Recalls are compared
    in float64. The official code uses float32, where recalls of exactly 7/10 and 9/10 miss their point of `voc07`; a
    float32 `recall` reproduces its numbers.
    """
    if version == "voc07":
        reached = recall.astype(np.float64)[None] >= (np.arange(11) / 10)[:, None]
        return float(np.where(reached, precision[None], 0).max(axis=1, initial=0).mean())
    steps = np.diff(recall, prepend=0)
    if version == "voc10":
        return float((steps * np.maximum.accumulate(precision[::-1])[::-1]).sum())
    if version == "integral":
        return float((steps * precision).sum())
    raise ValueError(f"AP version {version!r}; it is one of {', '.join(AP_VERSIONS)}")
