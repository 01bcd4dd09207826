"""The selection of `multibox.nms` for NumPy arrays: the same rules, and the same detections for the same values.

Engines for exported models use it, so that they run without PyTorch.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from multibox.output_rules import DetectionSettings

_BLOCK = 128  # candidates that are compared in one step
_FIRST_CANDIDATES = 2048  # usually enough to fill `per_image`


class ArraySelection(NamedTuple):
    """Detections of one image, best score first; `priors` are the indices of the priors that made them."""

    boxes: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    priors: Int64[np.ndarray, " n"]


@np.errstate(over="ignore", invalid="ignore")  # values that are not finite select nothing
def select_arrays(
    boxes: Float32[np.ndarray, "p 4"],
    scores: Float32[np.ndarray, "p c"],
    *,
    settings: DetectionSettings = DetectionSettings(),
) -> ArraySelection:
    """Select the detections of one image from the boxes (corners) and scores (without background) of all priors.

    Keeps scores above `score_threshold`, the best `per_class` of each class, boxes that no better kept box of their
    class overlaps by more than `nms_threshold`, and of these the best `per_image`. Equal scores are in order of prior.
    """
    flat = scores.reshape(-1)
    passing = np.flatnonzero(flat > settings.score_threshold)
    values = flat[passing]
    size = _FIRST_CANDIDATES
    while True:
        best = _best(values, size)
        selection = _select_sorted(boxes, values[best], passing[best], classes=scores.shape[1], settings=settings)
        if len(best) == len(values) or len(selection.scores) == settings.per_image:
            return selection
        size *= 8


def _best(values: Float32[np.ndarray, " n"], size: int) -> Int64[np.ndarray, " m"]:
    """Positions of the best `size` values and of ties with the last of them, in stable descending order."""
    if len(values) <= size:
        return np.argsort(-values, kind="stable")
    least = np.partition(values, -size)[-size]
    positions = np.flatnonzero(values >= least)
    return positions[np.argsort(-values[positions], kind="stable")]


def _select_sorted(
    boxes: Float32[np.ndarray, "p 4"],
    scores: Float32[np.ndarray, " m"],
    positions: Int64[np.ndarray, " m"],
    *,
    classes: int,
    settings: DetectionSettings,
) -> ArraySelection:
    """Apply the limits and suppression to sorted candidates; a position is prior · C + class."""
    priors, labels = np.divmod(positions, classes)
    within = _rank_in_class(labels) < settings.per_class
    scores, labels, priors = scores[within], labels[within], priors[within]
    candidates = boxes[priors]
    if settings.eta < 1:
        kept = _adaptive_nms(candidates, labels, threshold=settings.nms_threshold, eta=settings.eta)
        kept = kept[: settings.per_image]
    else:
        kept = _greedy_nms(candidates, labels, threshold=settings.nms_threshold, limit=settings.per_image)
    return ArraySelection(candidates[kept], scores[kept], labels[kept], priors[kept])


def _rank_in_class(labels: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Count for each entry the earlier entries with the same label."""
    order = np.argsort(labels, kind="stable")
    grouped = labels[order]
    rank = np.empty_like(order)
    rank[order] = np.arange(len(labels)) - np.searchsorted(grouped, grouped)
    return rank


def _greedy_nms(
    boxes: Float32[np.ndarray, "n 4"], labels: Int64[np.ndarray, " n"], *, threshold: float, limit: int
) -> Int64[np.ndarray, " k"]:
    """Positions of the first `limit` boxes that no kept box before them overlaps by more than `threshold`.

    Boxes are sorted, best first, and only boxes with the same label suppress each other. In blocks: survivors of
    earlier blocks suppress boxes of the block, then its own boxes suppress each other.
    """
    kept = np.zeros(0, np.int64)
    for start in range(0, len(boxes), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(boxes)))
        block = block[~_suppresses(boxes, labels, kept, block, threshold).any(axis=0)]
        kept = np.concatenate([kept, block[_survivors(_suppresses(boxes, labels, block, block, threshold))]])
        if len(kept) >= limit:
            return kept[:limit]
    return kept


def _adaptive_nms(
    boxes: Float32[np.ndarray, "n 4"], labels: Int64[np.ndarray, " n"], *, threshold: float, eta: float
) -> Int64[np.ndarray, " k"]:
    """Positions of the boxes that survive suppression whose threshold falls with every kept box of the class."""
    kept = []
    for label in np.unique(labels):
        chosen: list[int] = []
        limit = threshold
        for position in np.flatnonzero(labels == label).tolist():
            if chosen and (_iou(boxes[position : position + 1], boxes[chosen]) > limit).any():
                continue
            chosen.append(position)
            limit *= eta if limit > 0.5 else 1
        kept += chosen
    return np.array(sorted(kept), np.int64)


def _suppresses(
    boxes: Float32[np.ndarray, "n 4"],
    labels: Int64[np.ndarray, " n"],
    one: Int64[np.ndarray, " a"],
    other: Int64[np.ndarray, " b"],
    threshold: float,
) -> Bool[np.ndarray, "a b"]:
    return (_iou(boxes[one], boxes[other]) > threshold) & (labels[one][:, None] == labels[other])


def _survivors(suppresses: Bool[np.ndarray, "n n"]) -> Bool[np.ndarray, " n"]:
    """Boxes that greedy suppression keeps; entry (i, j) says that the earlier box i would suppress the later box j."""
    alive = np.ones(len(suppresses), bool)
    for i, row in enumerate(suppresses):
        if alive[i]:
            alive[i + 1 :] &= ~row[i + 1 :]
    return alive


def _iou(a: Float32[np.ndarray, "n 4"], b: Float32[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Intersection over union of every pair, with the operations and their order of `multibox.boxes.iou`."""
    x1, y1, x2, y2 = a.T[:, :, None]
    left, top, right, bottom = np.ascontiguousarray(b.T)
    width = np.maximum(np.minimum(x2, right) - np.maximum(x1, left), 0)
    height = np.maximum(np.minimum(y2, bottom) - np.maximum(y1, top), 0)
    intersection = width * height
    union = (_area(a)[:, None] + _area(b)) - intersection
    return intersection / np.maximum(union, np.finfo(np.float32).tiny)


def _area(boxes: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, " n"]:
    width, height = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).T
    return width * height
