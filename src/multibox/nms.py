"""From scores and boxes to detections: threshold, best per class, greedy suppression, best per image.

The rules are those of detection_output_layer.cpp and ApplyNMSFast in bbox_util.cpp. Only the best survivors over all
classes are needed, so suppression runs once over all classes, in order of score, and stops when enough survive. The
result is the same as suppression class by class. Candidates are processed in sorted blocks, which keeps it vectorized.

This is the selection on a CPU, one image at a time and without limits. On a GPU `multibox.batched_nms` selects
for a whole batch first, and this one does so only for images that exceed its limits.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from multibox.boxes import iou
from multibox.output_rules import DetectionSettings as DetectionSettings

_BLOCK = 256  # candidates that are compared in one step
_FIRST_CANDIDATES = 2048  # usually enough to fill `per_image`


class Selection(NamedTuple):
    """Detections of one image, best score first; `priors` are the indices of the priors that made them."""

    boxes: Float[Tensor, "n 4"]
    scores: Float[Tensor, " n"]
    labels: Int64[Tensor, " n"]
    priors: Int64[Tensor, " n"]


def select(
    boxes: Float[Tensor, "p 4"], scores: Float[Tensor, "p c"], *, settings: DetectionSettings = DetectionSettings()
) -> Selection:
    """Select the detections of one image from the boxes (corners) and scores (without background) of all priors.

    Keeps scores above `score_threshold`, the best `per_class` of each class, boxes that no better kept box of their
    class overlaps by more than `nms_threshold`, and of these the best `per_image`. Equal scores are in order of prior.
    """
    flat = scores.reshape(-1)
    passing = torch.nonzero(flat > settings.score_threshold).squeeze(1)
    values = flat[passing]
    size = _FIRST_CANDIDATES
    while True:
        best = _best(values, size)
        selection = _select_sorted(boxes, values[best], passing[best], classes=scores.shape[1], settings=settings)
        if len(best) == len(values) or len(selection.scores) == settings.per_image:
            return selection
        size *= 8


def _best(values: Float[Tensor, " n"], size: int) -> Int64[Tensor, " m"]:
    """Positions of the best `size` values and of ties with the last of them, in stable descending order."""
    if len(values) <= size:
        return values.argsort(descending=True, stable=True)
    least = values.topk(size).values[-1]
    positions = torch.nonzero(values >= least).squeeze(1)
    return positions[values[positions].argsort(descending=True, stable=True)]


def _select_sorted(
    boxes: Float[Tensor, "p 4"],
    scores: Float[Tensor, " m"],
    positions: Int64[Tensor, " m"],
    *,
    classes: int,
    settings: DetectionSettings,
) -> Selection:
    """Apply the limits and suppression to sorted candidates; a position is prior · C + class."""
    labels = positions % classes
    within = rank_in_class(labels) < settings.per_class
    scores, labels = scores[within], labels[within]
    priors = positions[within] // classes
    candidates = boxes[priors]
    if settings.eta < 1:
        kept = adaptive_nms(candidates, labels, threshold=settings.nms_threshold, eta=settings.eta)
        kept = kept[: settings.per_image]
    else:
        kept = greedy_nms(candidates, labels, threshold=settings.nms_threshold, limit=settings.per_image)
    return Selection(candidates[kept], scores[kept], labels[kept], priors[kept])


def rank_in_class(labels: Int64[Tensor, " n"]) -> Int64[Tensor, " n"]:
    """Count for each entry the earlier entries with the same label."""
    order = labels.argsort(stable=True)
    grouped = labels[order]
    places = torch.arange(len(labels), device=labels.device)
    starts = torch.searchsorted(grouped, grouped)
    return torch.empty_like(order).scatter_(0, order, places - starts)


def greedy_nms(
    boxes: Float[Tensor, "n 4"], labels: Int64[Tensor, " n"], *, threshold: float, limit: int
) -> Int64[Tensor, " k"]:
    """Positions of the first `limit` boxes that no kept box before them overlaps by more than `threshold`.

    Boxes are sorted, best first, and only boxes with the same label suppress each other. Exact greedy suppression,
    block by block: survivors of earlier blocks suppress boxes of the block, then its own boxes suppress each other.
    """
    kept = torch.zeros(0, dtype=torch.int64, device=boxes.device)
    for start in range(0, len(boxes), _BLOCK):
        block = torch.arange(start, min(start + _BLOCK, len(boxes)), device=boxes.device)
        if len(kept):
            block = block[~_suppresses(boxes, labels, kept, block, threshold).any(dim=0)]
        inside = _suppresses(boxes, labels, block, block, threshold).triu_(diagonal=1)
        kept = torch.cat([kept, block[_survivors(inside)]])
        if len(kept) >= limit:
            return kept[:limit]
    return kept


def adaptive_nms(
    boxes: Float[Tensor, "n 4"], labels: Int64[Tensor, " n"], *, threshold: float, eta: float
) -> Int64[Tensor, " k"]:
    """Positions of the boxes that survive suppression whose threshold falls with every kept box of the class.

    Boxes are sorted, best first. A threshold depends on all decisions before it, so this goes box by box.
    """
    kept = []
    for label in labels.unique().tolist():
        chosen: list[int] = []
        limit = threshold
        for position in torch.nonzero(labels == label).squeeze(1).tolist():
            if chosen and (iou(boxes[position : position + 1], boxes[chosen]) > limit).any():
                continue
            chosen.append(position)
            limit *= eta if limit > 0.5 else 1
        kept += chosen
    return torch.tensor(sorted(kept), dtype=torch.int64, device=boxes.device)


def _suppresses(
    boxes: Float[Tensor, "n 4"],
    labels: Int64[Tensor, " n"],
    one: Int64[Tensor, " a"],
    other: Int64[Tensor, " b"],
    threshold: float,
) -> Bool[Tensor, "a b"]:
    same = labels[one].unsqueeze(1) == labels[other]
    return (iou(boxes[one], boxes[other]) > threshold) & same


def _survivors(suppresses: Bool[Tensor, "n n"]) -> Bool[Tensor, " n"]:
    """Boxes that greedy suppression keeps; entry (i, j) says that the earlier box i would suppress the later box j.

    Starts with all boxes alive. In each round a box stays alive if no box alive in the previous round suppresses it.
    Round k is correct for boxes with a chain of suppressors shorter than k, so the first round without a change is
    the result.
    """
    edges = suppresses.float()
    alive = torch.ones(len(edges), dtype=torch.bool, device=edges.device)
    while True:
        survivors = alive.float() @ edges == 0
        if torch.equal(survivors, alive):
            return alive
        alive = survivors
