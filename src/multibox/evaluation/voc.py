"""Average precision as PASCAL VOC defines it: match detections with objects, draw the curve, measure the area below it.

Boxes are continuous pixels and the IoU has no +1: the devkit counts pixels inclusively from 1, and subtracting 1 from
the minimum corner when such a file is read gives the same areas.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int8

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections
from multibox.pairwise import pairwise_iou

TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1
AP_VERSIONS = ("voc07", "voc10", "integral")


@dataclass(frozen=True, eq=False)
class Curve:
    """Recall and precision of one class after each counted detection, best score first.

    Ignored detections are left out. `num_objects` is the number of objects that count: without any, recall is 0
    throughout and the AP is nan.
    """

    scores: Float[np.ndarray, " k"]
    recall: Float64[np.ndarray, " k"]
    precision: Float64[np.ndarray, " k"]
    num_objects: int

    def ap(self, version: str) -> float:
        """Average precision in one of AP_VERSIONS: nan without objects, 0 with objects but without detections."""
        if self.num_objects == 0:
            return float("nan")
        return average_precision(self.recall, precision=self.precision, version=version)


@dataclass(frozen=True, eq=False)
class VocResult:
    """One curve for each class, in the order of the data set's class names."""

    curves: tuple[Curve, ...]

    def ap(self, version: str) -> Float64[np.ndarray, " c"]:
        """Average precision of every class; nan for a class without objects."""
        return np.array([curve.ap(version) for curve in self.curves], dtype=np.float64)

    def mean(self, version: str) -> float:
        """mAP: the mean over the classes that have objects, nan if none has.

        The official solver (`solver.cpp` TestDetection) divides by all classes instead; on data where every class has
        objects the two are the same.
        """
        ap = self.ap(version)
        return float(ap[~np.isnan(ap)].mean()) if not np.isnan(ap).all() else float("nan")


def evaluate_voc(dataset: Dataset, *, detections: Sequence[Detections], iou_threshold: float = 0.5) -> VocResult:
    """Curves of all classes. `detections` has one entry for each image in order, labels index `dataset.class_names`.

    Difficult and crowd objects neither count nor punish: a detection whose best object is one of them is left out.
    Detections of equal score keep the order of the images, and within an image their own.
    Source: VOC devkit `VOCevaldet.m`; `detection_evaluate_layer.cpp`.
    """
    num_classes = len(dataset.class_names)
    scores: list[list[np.ndarray]] = [[] for _ in range(num_classes)]
    outcomes: list[list[np.ndarray]] = [[] for _ in range(num_classes)]
    for example, found in zip(dataset, detections, strict=True):
        for label in np.unique(found.labels):
            class_scores, class_outcomes = _match_class(example, found=found, label=label, iou_threshold=iou_threshold)
            scores[label].append(class_scores)
            outcomes[label].append(class_outcomes)
    counts = count_objects(dataset)
    return VocResult(
        tuple(
            precision_recall(
                _concatenate(scores[k], np.float32), outcomes=_concatenate(outcomes[k], np.int8), num_objects=n
            )
            for k, n in enumerate(counts)
        )
    )


def count_objects(dataset: Dataset) -> list[int]:
    """Objects of each class that count: neither difficult nor crowd."""
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
    """TRUE_POSITIVE, FALSE_POSITIVE or IGNORED for boxes of one class in one image, given best score first.

    A box belongs to the object that it overlaps most, even if that one is taken. At an IoU of at least the threshold
    it is ignored if that object is to be ignored, right if it is the first, and a false positive if it is a duplicate.
    """
    outcomes = np.full(len(boxes), FALSE_POSITIVE, dtype=np.int8)
    if len(boxes) == 0 or len(objects) == 0:
        return outcomes
    overlaps = pairwise_iou(boxes, others=objects)
    best = overlaps.argmax(axis=1)
    hits = np.flatnonzero(overlaps[np.arange(len(boxes)), best] >= iou_threshold)
    _, first = np.unique(best[hits], return_index=True)
    outcomes[hits[first]] = TRUE_POSITIVE
    outcomes[hits[ignore[best[hits]]]] = IGNORED
    return outcomes


def precision_recall(scores: Float[np.ndarray, " n"], *, outcomes: Int8[np.ndarray, " n"], num_objects: int) -> Curve:
    """The curve of one class over all images; detections of equal score stay in the order given."""
    counted = np.flatnonzero(outcomes != IGNORED)
    order = counted[np.argsort(-scores[counted], kind="stable")]
    right = np.cumsum(outcomes[order] == TRUE_POSITIVE)
    precision = right / np.arange(1, len(order) + 1)
    return Curve(scores[order], right / max(num_objects, 1), precision, num_objects)


def average_precision(recall: Float[np.ndarray, " k"], *, precision: Float[np.ndarray, " k"], version: str) -> float:
    """Area below a curve whose recall does not fall.

    `voc07` averages, over the recalls 0, .1, ... 1, the largest precision at that recall or beyond it; `voc10` is the
    area below the largest precision to the right; `integral` the area below the curve as it is. ValueError for others.
    They are the versions 11point, MaxIntegral and Integral of ComputeAP (`bbox_util.cpp` 1996). Recalls are compared in
    double. The official code holds them in float32, so that recalls of exactly 7/10 and 9/10 miss their point of
    `voc07` there: a float32 `recall` gives its numbers.
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


def _match_class(
    example: Example, *, found: Detections, label: int | np.integer, iou_threshold: float
) -> tuple[Float[np.ndarray, " n"], Int8[np.ndarray, " n"]]:
    """Scores, best first, and outcomes of the detections of one class in one image."""
    mine = np.flatnonzero(found.labels == label)
    mine = mine[np.argsort(-found.scores[mine], kind="stable")]
    theirs = example.labels == label
    ignore = (example.difficult | example.crowd)[theirs]
    boxes, objects = found.boxes[mine], example.boxes[theirs]
    return found.scores[mine], match_detections(boxes, objects=objects, ignore=ignore, iou_threshold=iou_threshold)


def _concatenate(parts: list[np.ndarray], dtype: type[np.generic]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
