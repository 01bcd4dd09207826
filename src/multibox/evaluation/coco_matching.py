"""Which detections are right, wrong or ignored, by the rules of the COCO API.

In each image, the detections of a class take objects in the order of their scores: the free object that they overlap
most and at least by the least IoU, an ignored one only if there is no other. A crowd can be taken by many.

Shapes: N detections, G objects, K pairs, A ranges of areas, T least IoUs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from multibox.evaluation.flat import FlatDetections, FlatObjects, Pairs, overlapping

LEAST_IOUS = np.linspace(0.5, 0.95, 10)
RANGES = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))
"""Of areas in square pixels: all, small, medium and large."""
MOST_DETECTIONS = 100
"""Detections of a class in an image that count, those with the highest scores."""


@dataclass(frozen=True, eq=False)
class ClassOutcomes:
    """The detections of one class, highest score first, and the number of its objects in each range of areas.

    `counted` are those that are right or wrong and not ignored. `ranks` are their places in the image.
    """

    right: Bool[np.ndarray, "a t n"]
    counted: Bool[np.ndarray, "a t n"]
    ranks: Int64[np.ndarray, " n"]
    objects: Int64[np.ndarray, " a"]


def class_outcomes(found: FlatDetections, objects: FlatObjects, *, classes: int) -> Iterator[ClassOutcomes]:
    """Yield the outcomes of each class in turn."""
    sides = _sides(found.boxes)
    own = _sides(objects.boxes)
    areas = np.where(np.isnan(objects.areas), own[:, 2] * own[:, 3], objects.areas)
    skipped = objects.ignored[:, None] | ~_inside(areas)
    taken, right, ignored = _taken(found, objects, _pairs(found, objects, sides, own), skipped)
    inside = _inside(sides[:, 2] * sides[:, 3])
    for label in range(classes):
        rows = found.of_class(label)
        mine = np.arange(rows.start, rows.stop)[found.ranks[rows] < MOST_DETECTIONS]
        mine = mine[np.argsort(-found.scores[mine], kind="stable")]
        counted = np.repeat(inside[mine].T[:, None], len(LEAST_IOUS), axis=1)
        hit = np.zeros_like(counted)
        places = np.searchsorted(taken, mine)
        places[places == len(taken)] = 0
        touching = np.flatnonzero(taken[places] == mine) if len(taken) else places[:0]
        pairs = places[touching]
        hit[..., touching] = right[pairs].transpose(1, 2, 0)
        counted[..., touching] &= ~ignored[pairs].transpose(1, 2, 0)
        counted |= hit
        number = (~skipped[objects.labels == label]).sum(axis=0)
        yield ClassOutcomes(hit, counted, found.ranks[mine], number)


def _pairs(
    found: FlatDetections, objects: FlatObjects, sides: Float64[np.ndarray, "n 4"], own: Float64[np.ndarray, "g 4"]
) -> Pairs:
    """Return the pairs that overlap enough for some least IoU, of detections that count."""

    def iou(rows: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        return _iou(sides[rows], own[theirs], inside=objects.ignored[theirs])

    pairs = overlapping(found, objects, iou, minimum=LEAST_IOUS[0])
    few = found.ranks[pairs.detections] < MOST_DETECTIONS
    return Pairs(pairs.detections[few], pairs.objects[few], pairs.ious[few])


def _taken(
    found: FlatDetections, objects: FlatObjects, pairs: Pairs, skipped: Bool[np.ndarray, "g a"]
) -> tuple[Int64[np.ndarray, " d"], Bool[np.ndarray, "d a t"], Bool[np.ndarray, "d a t"]]:
    """Return the detections that overlap objects, where they take one that counts, and where one that does not."""
    rows, first, counts = np.unique(pairs.detections, return_index=True, return_counts=True)
    shape = (skipped.shape[1], len(LEAST_IOUS))
    right, ignored = np.zeros((len(rows), *shape), bool), np.zeros((len(rows), *shape), bool)
    free = np.ones((len(skipped), *shape), bool)
    groups = found.labels[rows] * (1 + found.images.max(initial=0)) + found.images[rows]
    start = np.ones(len(rows), bool)
    start[1:] = groups[1:] != groups[:-1]
    places = np.arange(len(rows))
    turns = places - np.maximum.accumulate(np.where(start, places, 0))
    for turn in range(turns.max(initial=-1) + 1):  # one detection of each image and class at a time
        now = np.flatnonzero(turns == turn)
        many = counts[now]
        bounds = np.cumsum(many) - many
        mine = np.repeat(first[now] - bounds, many) + np.arange(many.sum())
        theirs, ious = pairs.objects[mine], pairs.ious[mine]
        open_ = free[theirs] | objects.ignored[theirs, None, None]
        choice = _choice(ious, open_, skipped[theirs], bounds, many)
        row, area, place = np.nonzero(choice >= 0)
        target = theirs[choice[row, area, place]]
        free[target, area, place] = False
        is_skipped = skipped[target, area]
        right[now[row], area, place] = ~is_skipped
        ignored[now[row], area, place] = is_skipped
    return rows, right, ignored


def _choice(
    ious: Float64[np.ndarray, " k"],
    free: Bool[np.ndarray, "k a t"],
    skipped: Bool[np.ndarray, "k a"],
    bounds: Int64[np.ndarray, " d"],
    many: Int64[np.ndarray, " d"],
) -> Int64[np.ndarray, "d a t"]:
    """Return the pair that each detection chooses, the last one of equal overlap; -1 for none.

    The pairs of a detection begin at its bound.
    """
    enough = free & (ious[:, None, None] >= np.minimum(LEAST_IOUS, 1 - 1e-10))
    wide = ious[:, None, None]
    counting = enough & ~skipped[:, :, None]
    best = np.maximum.reduceat(np.where(counting, wide, -1.0), bounds)
    other = np.maximum.reduceat(np.where(enough, wide, -1.0), bounds)
    found = np.repeat(best >= 0, many, axis=0)
    chosen = np.where(found, counting, enough) & (wide == np.repeat(np.where(best >= 0, best, other), many, axis=0))
    return np.maximum.reduceat(np.where(chosen, np.arange(len(ious))[:, None, None], -1), bounds)


def _sides(boxes: Float[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n 4"]:
    """Return (x, y, width, height)."""
    wide = boxes.astype(np.float64)
    return np.concatenate([wide[:, :2], wide[:, 2:] - wide[:, :2]], axis=1)


def _iou(
    boxes: Float64[np.ndarray, "k 4"], others: Float64[np.ndarray, "k 4"], *, inside: Bool[np.ndarray, " k"]
) -> Float64[np.ndarray, " k"]:
    """Compute the IoU of boxes (x, y, width, height), or the share of a box in the other one where `inside` is true.

    The order of operations is that of `bbIou` in the COCO API.
    """
    x, y, w, h = boxes.T
    left, top, width, height = others.T
    overlap = np.maximum(np.minimum(x + w, left + width) - np.maximum(x, left), 0)
    overlap *= np.maximum(np.minimum(y + h, top + height) - np.maximum(y, top), 0)
    union = np.where(inside, w * h, w * h + width * height - overlap)
    return np.divide(overlap, union, out=np.zeros_like(union), where=union > 0)


def _inside(areas: Float64[np.ndarray, " n"]) -> Bool[np.ndarray, "n a"]:
    """Whether areas are in each range, both ends included."""
    low, high = np.array(RANGES).T
    return (areas[:, None] >= low) & (areas[:, None] <= high)
