"""What every detection is: right, or wrong in one of five ways.

Source: D. Hoiem, Y. Chodpathumwan, Q. Dai, "Diagnosing Error in Object Detectors", ECCV 2012, section 3.1, the method
behind Figure 3 of the SSD paper. What is right is decided as in `evaluation/voc.py`, so that counts agree with the AP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int8, Int64

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections
from multibox.evaluation.voc import IGNORED, TRUE_POSITIVE, count_objects, match_detections
from multibox.pairwise import pairwise_iou

LEAST_IOU = 0.1  # with less an object has nothing to do with a detection
RIGHT_IOU = 0.5


class Kind(IntEnum):
    """What a detection is; `diagnose` says when."""

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
    """Kinds of all N detections of a data set: image by image, best score first within each.

    `image` is the position in the data set and `position` that in the image's detections. `target` is the number
    of the object, within its image, that the kind speaks of, and `iou` the overlap with it; background has -1, and
    the largest overlap with any object. `loose` marks detections that are right if an IoU of 0.1 is enough.
    `num_objects` counts, by class, the objects that are neither difficult nor crowds.
    """

    image: Int64[np.ndarray, " n"]
    position: Int64[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    scores: Float32[np.ndarray, " n"]
    kind: Int8[np.ndarray, " n"]
    target: Int64[np.ndarray, " n"]
    iou: Float64[np.ndarray, " n"]
    loose: Bool[np.ndarray, " n"]
    num_objects: tuple[int, ...]

    def ranked(self, label: int) -> Int64[np.ndarray, " k"]:
        """Positions in the arrays of the detections of a class that count, in the order of the AP: best score first."""
        mine = np.flatnonzero((self.labels == label) & (self.kind != Kind.IGNORED))
        return mine[np.argsort(-self.scores[mine], kind="stable")]

    def leading(self) -> Int64[np.ndarray, " k"]:
        """Positions of each class's best detections, as many as it has objects: what a user sees at a good threshold.

        Counts over all detections say little, since a detector may add any number of low scores.
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
}


def diagnose(dataset: Dataset, *, detections: Sequence[Detections], similar: Bool[np.ndarray, "c c"]) -> Diagnosis:
    """Kind of each detection. `detections` has one entry for each image; `similar` tells which classes are alike.

    CORRECT and IGNORED are as in `evaluate_voc`: IoU of at least 0.5 with its best object of its class, and the first
    there; or that object is difficult or a crowd. Of the others, by the first that holds:
    DUPLICATE, IoU of at least 0.5 with its best object of its class, which a better score has;
    LOCALIZATION, IoU of 0.1 to 0.5 with it;
    SIMILAR, IoU of at least 0.1 with an object of a similar class; OTHER, the same with any other class;
    BACKGROUND, the rest. Difficult objects and crowds are objects here, as in the authors' program.
    The authors count duplicates among the localization errors, and so does the figure. They let a detection fall back
    on its second-best object where the best is taken; here, as in VOC's own evaluation, it is a duplicate.
    """
    parts = [
        _diagnose_image(example, found=found, similar=similar, number=number)
        for number, (example, found) in enumerate(zip(dataset, detections, strict=True))
    ]
    columns = {
        name: np.concatenate([part[name] for part in parts] or [np.zeros(0, kind)]) for name, kind in _COLUMNS.items()
    }
    return Diagnosis(**columns, num_objects=tuple(count_objects(dataset)))


def missed_objects(dataset: Dataset, *, diagnosis: Diagnosis) -> list[Bool[np.ndarray, " _"]]:
    """For each image which objects count and have no correct detection."""
    missed = [~(example.difficult | example.crowd) for example in dataset]
    for n in np.flatnonzero(diagnosis.kind == Kind.CORRECT):
        missed[diagnosis.image[n]][diagnosis.target[n]] = False
    return missed


def _diagnose_image(
    example: Example, *, found: Detections, similar: Bool[np.ndarray, "c c"], number: int
) -> dict[str, np.ndarray]:
    """The columns of a Diagnosis for one image."""
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
    loose = _outcomes(example, labels=labels, boxes=boxes, iou_threshold=LEAST_IOU) == TRUE_POSITIVE
    return {
        "image": np.full(len(labels), number),
        "position": order,
        "labels": labels,
        "scores": found.scores[order],
        "kind": np.select(holds, [np.int8(kind) for _, kind, *_ in rules], np.int8(Kind.BACKGROUND)),
        "target": np.select(holds, [target for *_, target, _ in rules], np.int64(-1)),
        "iou": np.select(holds, [iou for *_, iou in rules], any_iou.clip(min=0)),
        "loose": loose,
    }


def _outcomes(
    example: Example, *, labels: Int64[np.ndarray, " n"], boxes: Float32[np.ndarray, "n 4"], iou_threshold: float
) -> Int8[np.ndarray, " n"]:
    """What `match_detections` says of each detection, class by class."""
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
    """For each detection the object of largest overlap among those allowed, and the overlap; -1 and -1 without any."""
    if overlaps.shape[1] == 0:
        return np.full(len(overlaps), -1), np.full(len(overlaps), -1.0)
    masked = np.where(among, overlaps, -1.0)
    best = masked.argmax(axis=1)
    return best, masked[np.arange(len(masked)), best]
