"""From scores and boxes to detections: threshold, best per class, greedy suppression, best per image.

The rules are those of detection_output_layer.cpp and ApplyNMSFast in bbox_util.cpp. Only the best survivors over all
classes are wanted, so suppression runs once over all classes in one order of score and stops when enough survive;
that gives the same result as class by class. Blocks of sorted candidates keep it vectorized.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from multibox.boxes import iou

_BLOCK = 256
_FIRST_LOOK = 2048


@dataclass(frozen=True)
class DetectionSettings:
    """Thresholds of paper section 3.1 ("score", "nms") and the official code's limits per class and image."""

    score_threshold: float = 0.01
    nms_threshold: float = 0.45
    per_class: int = 400
    per_image: int = 200


class Selection(NamedTuple):
    """Boxes (N, 4), scores (N,) and labels (N,) of one image, best score first."""

    boxes: Float[Tensor, "n 4"]
    scores: Float[Tensor, " n"]
    labels: Int64[Tensor, " n"]


def select(
    boxes: Float[Tensor, "p 4"], scores: Float[Tensor, "p c"], *, settings: DetectionSettings = DetectionSettings()
) -> Selection:
    """Detections of one image from all boxes (corners, unclipped) and the scores of all classes but background.

    Keeps scores above `score_threshold`, the best `per_class` of each class, those that no better kept box of their
    class overlaps by more than `nms_threshold`, and of these the best `per_image`. Equal scores: lowest prior first.
    """
    flat = scores.reshape(-1)
    passing = torch.nonzero(flat > settings.score_threshold).squeeze(1)
    values = flat[passing]
    size = _FIRST_LOOK
    while True:
        best = _best(values, size)
        selection = _select_sorted(boxes, values[best], passing[best], classes=scores.shape[1], settings=settings)
        if len(best) == len(values) or len(selection.scores) == settings.per_image:
            return selection
        size *= 8


def _best(values: Float[Tensor, " n"], size: int) -> Int64[Tensor, " m"]:
    """Positions of the best `size` values and of all that equal the last of them, in stable descending order."""
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
    """Best per class, suppression, best per image of sorted candidates; a position is prior · C + class."""
    labels = positions % classes
    within = rank_in_class(labels) < settings.per_class
    scores, labels = scores[within], labels[within]
    candidates = boxes[positions[within] // classes]
    kept = greedy_nms(candidates, labels, threshold=settings.nms_threshold, limit=settings.per_image)
    return Selection(candidates[kept], scores[kept], labels[kept])


def rank_in_class(labels: Int64[Tensor, " n"]) -> Int64[Tensor, " n"]:
    """How many earlier entries have the same label."""
    order = labels.argsort(stable=True)
    grouped = labels[order]
    places = torch.arange(len(labels), device=labels.device)
    starts = torch.searchsorted(grouped, grouped)
    return torch.empty_like(order).scatter_(0, order, places - starts)


def greedy_nms(
    boxes: Float[Tensor, "n 4"], labels: Int64[Tensor, " n"], *, threshold: float, limit: int
) -> Int64[Tensor, " k"]:
    """Positions of the first `limit` boxes that no kept box before them overlaps by more than `threshold`.

    Only boxes of the same label suppress each other. Boxes come best first. Exact greedy suppression, block by block:
    a block is first cleared of what earlier survivors suppress, then of what its own suppress.
    """
    kept = torch.zeros(0, dtype=torch.int64, device=boxes.device)
    for start in range(0, len(boxes), _BLOCK):
        block = torch.arange(start, min(start + _BLOCK, len(boxes)), device=boxes.device)
        free = ~_suppresses(boxes, labels, kept, block, threshold).any(dim=0)
        block = block[free]
        inside = _suppresses(boxes, labels, block, block, threshold).triu_(diagonal=1)
        kept = torch.cat([kept, block[_survivors(inside)]])
        if len(kept) >= limit:
            return kept[:limit]
    return kept


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
    """What greedy suppression keeps, given which earlier box (row) would suppress which later one (column).

    Starting from all alive, a box dies if any box alive in the previous round suppresses it. Round k is right for
    every box whose chain of suppressors is shorter than k, so the first round that changes nothing is the answer.
    """
    edges = suppresses.float()
    alive = torch.ones(len(edges), dtype=torch.bool, device=edges.device)
    while True:
        survivors = alive.float() @ edges == 0
        if torch.equal(survivors, alive):
            return alive
        alive = survivors
