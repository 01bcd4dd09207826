"""The kind of every detection: correct, or wrong in one of five ways.

Source: D. Hoiem, Y. Chodpathumwan, Q. Dai, "Diagnosing Error in Object Detectors", ECCV 2012, section 3.1, the method
behind Figure 3 of the SSD paper. Detections are matched as in `evaluation/voc.py`, so the counts agree with the AP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int8, Int64

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections
from multibox.evaluation.voc import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, count_objects, match_detections
from multibox.pairwise import pairwise_iou

LEAST_IOU = 0.1  # below it a detection is unrelated to an object
RIGHT_IOU = 0.5


class Kind(IntEnum):
    """The kind of a detection, as `diagnose` defines it."""

    CORRECT = 0
    LOCALIZATION = 1
    DUPLICATE = 2
    SIMILAR = 3
    OTHER = 4
    BACKGROUND = 5
    IGNORED = 6

    @property
    def title(self) -> str:
        return self.name.lower()


WRONG = (Kind.LOCALIZATION, Kind.DUPLICATE, Kind.SIMILAR, Kind.OTHER, Kind.BACKGROUND)


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The kinds of all N detections of a data set: image by image, highest score first within an image.

    `image` is the position of the image in the data set, `position` that of the detection in the image's detections.
    `target` is the number within its image of the object that the kind refers to, and `iou` the IoU with it; for
    background `target` is -1 and `iou` the largest with any object. `loose` marks detections that are correct if an IoU
    of 0.1 is enough, and `loose_duplicate` those that are then wrong because a higher score has the object.
    `num_objects` is the number of objects of each class that are neither difficult nor crowds.
    """

    image: Int64[np.ndarray, " n"]
    position: Int64[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    scores: Float32[np.ndarray, " n"]
    kind: Int8[np.ndarray, " n"]
    target: Int64[np.ndarray, " n"]
    iou: Float64[np.ndarray, " n"]
    loose: Bool[np.ndarray, " n"]
    loose_duplicate: Bool[np.ndarray, " n"]
    num_objects: tuple[int, ...]

    def ranked(self, label: int) -> Int64[np.ndarray, " k"]:
        """Return the positions in the arrays of a class's detections that are not ignored, highest score first."""
        mine = np.flatnonzero((self.labels == label) & (self.kind != Kind.IGNORED))
        return mine[np.argsort(-self.scores[mine], kind="stable")]

    def leading(self) -> Int64[np.ndarray, " k"]:
        """Return the positions of each class's best detections, as many as it has objects.

        Counts over all detections say little, because a detector can add any number of detections with low scores.
        """
        best = [self.ranked(label)[:count] for label, count in enumerate(self.num_objects)]
        return np.concatenate(best) if best else np.zeros(0, dtype=np.int64)


_COLUMNS = {
    "image": np.int64,
    "position": np.int64,
    "labels": np.int64,
    "scores": np.float32,
    "kind": np.int8,
    "target": np.int64,
    "iou": np.float64,
    "loose": np.bool_,
    "loose_duplicate": np.bool_,
}


def diagnose(dataset: Dataset, *, detections: Sequence[Detections], similar: Bool[np.ndarray, "c c"]) -> Diagnosis:
    """Determine the kind of each detection. `detections` has one entry for each image.

    `similar` is the table of similar classes. CORRECT and IGNORED are the outcomes of `evaluate_voc`: the IoU with the
    best object of the class is at least 0.5, and the detection is the first to match it, or the object is difficult or
    a crowd. The first condition that holds decides about the others: DUPLICATE: the IoU with the best object of the
    class is at least 0.5; a higher score has the object. LOCALIZATION: that IoU is 0.1 to 0.5. SIMILAR: the IoU with an
    object of a similar class is at least 0.1. OTHER: the same with any other class. BACKGROUND: everything else.
    Difficult objects and crowds are objects here, as in the authors' program. The authors count duplicates as
    localization errors, and so does the figure. In their program a detection whose best object is taken can match its
    second-best one; here, as in VOC's own evaluation, it is a duplicate.
    """
    images = [
        _diagnose_image(example, found=found, similar=similar, number=number)
        for number, (example, found) in enumerate(zip(dataset, detections, strict=True))
    ]
    columns = {
        name: np.concatenate([image[name] for image in images] or [np.zeros(0, kind)])
        for name, kind in _COLUMNS.items()
    }
    return Diagnosis(**columns, num_objects=tuple(count_objects(dataset)))


def missed_objects(dataset: Dataset, *, diagnosis: Diagnosis) -> list[Bool[np.ndarray, " _"]]:
    """Mark, for each image, the objects that count and have no correct detection."""
    missed = [~(example.difficult | example.crowd) for example in dataset]
    for n in np.flatnonzero(diagnosis.kind == Kind.CORRECT):
        missed[diagnosis.image[n]][diagnosis.target[n]] = False
    return missed


def _diagnose_image(
    example: Example, *, found: Detections, similar: Bool[np.ndarray, "c c"], number: int
) -> dict[str, np.ndarray]:
    """Return the columns of a Diagnosis for one image."""
    order = np.argsort(-found.scores, kind="stable")
    labels, boxes = found.labels[order], found.boxes[order]
    overlaps = pairwise_iou(boxes, others=example.boxes)
    same = labels[:, None] == example.labels[None]
    alike = similar[labels[:, None], example.labels[None]]
    outcomes = _outcomes(example, labels=labels, boxes=boxes, iou_threshold=RIGHT_IOU)
    own, own_iou = _best(overlaps, among=same)
    rules = [
        (outcomes == TRUE_POSITIVE, Kind.CORRECT, own, own_iou),
        (outcomes == IGNORED, Kind.IGNORED, own, own_iou),
        (own_iou >= RIGHT_IOU, Kind.DUPLICATE, own, own_iou),
        (own_iou >= LEAST_IOU, Kind.LOCALIZATION, own, own_iou),
    ]
    for kind, among in ((Kind.SIMILAR, alike), (Kind.OTHER, ~same & ~alike)):
        target, iou = _best(overlaps, among=among)
        rules.append((iou >= LEAST_IOU, kind, target, iou))
    _, any_iou = _best(overlaps, among=np.ones_like(same))
    holds = [condition for condition, *_ in rules]
    loose = _outcomes(example, labels=labels, boxes=boxes, iou_threshold=LEAST_IOU)
    return {
        "image": np.full(len(labels), number),
        "position": order,
        "labels": labels,
        "scores": found.scores[order],
        "kind": np.select(holds, [np.int8(kind) for _, kind, *_ in rules], np.int8(Kind.BACKGROUND)),
        "target": np.select(holds, [target for *_, target, _ in rules], np.int64(-1)),
        "iou": np.select(holds, [iou for *_, iou in rules], any_iou.clip(min=0)),
        "loose": loose == TRUE_POSITIVE,
        "loose_duplicate": (loose == FALSE_POSITIVE) & (own_iou >= LEAST_IOU),
    }


def _outcomes(
    example: Example, *, labels: Int64[np.ndarray, " n"], boxes: Float32[np.ndarray, "n 4"], iou_threshold: float
) -> Int8[np.ndarray, " n"]:
    """Return the outcome of `match_detections` for each detection, class by class."""
    outcomes = np.zeros(len(labels), dtype=np.int8)
    for label in np.unique(labels):
        mine, theirs = labels == label, example.labels == label
        outcomes[mine] = match_detections(
            boxes[mine],
            objects=example.boxes[theirs],
            ignore=(example.difficult | example.crowd)[theirs],
            iou_threshold=iou_threshold,
        )
    return outcomes


def _best(
    overlaps: Float64[np.ndarray, "n g"], *, among: Bool[np.ndarray, "n g"]
) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Return the object of largest IoU among those allowed, and the IoU, for each detection; -1 and -1 without any."""
    if overlaps.shape[1] == 0:
        return np.full(len(overlaps), -1), np.full(len(overlaps), -1.0)
    masked = np.where(among, overlaps, -1.0)
    best = masked.argmax(axis=1)
    return best, masked[np.arange(len(masked)), best]
