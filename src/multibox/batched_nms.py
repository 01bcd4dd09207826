"""Selection of detections for a whole batch in tensors of fixed shape, for GPUs, which compute asynchronously.

`multibox.nms.select` asks the device how many candidates remain after each stage, so a GPU and its host wait for each
other dozens of times for each image. Here every stage has a fixed size, nothing is asked, and a CUDA graph can record
the whole computation. Two limits make that possible: the number of candidates and the number of suppression rounds.
Images that exceed a limit are marked as incomplete; select those again with `select`.

Shapes: B batch, P priors, C classes, K candidates, N detections.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from multibox.boxes import iou
from multibox.nms import DetectionSettings

_SETTINGS = DetectionSettings()
_CANDIDATES = 1024  # twice as many as a trained detector usually has
_ROUNDS = 24  # longest chain of boxes that suppress each other
_MOST_PAIRS = 1 << 26  # pairs of candidates that are compared at the same time


class BatchSelection(NamedTuple):
    """Detections of a batch, best first; rows from the image's count on are zeros.

    `complete` says which images have the detections that `select` would return.
    """

    boxes: Float[Tensor, "b n 4"]
    scores: Float[Tensor, "b n"]
    labels: Int64[Tensor, "b n"]
    priors: Int64[Tensor, "b n"]
    counts: Int64[Tensor, " b"]
    complete: Bool[Tensor, " b"]


class _Candidates(NamedTuple):
    """The best candidates in order of score; rows that are not `valid` are padding or beyond the limit per class."""

    boxes: Float[Tensor, "b k 4"]
    scores: Float[Tensor, "b k"]
    labels: Int64[Tensor, "b k"]
    priors: Int64[Tensor, "b k"]
    valid: Bool[Tensor, "b k"]


def select_batch(
    boxes: Float[Tensor, "b p 4"],
    scores: Float[Tensor, "b p c"],
    *,
    settings: DetectionSettings = _SETTINGS,
    candidates: int = _CANDIDATES,
    rounds: int = _ROUNDS,
) -> BatchSelection:
    """Select the detections of all images by the rules of `multibox.nms.select`, without waiting for the device.

    Only the best `candidates` scores of an image take part, and suppression runs for `rounds` rounds. If the threshold
    is not constant (`eta` below 1), no image is complete.
    """
    passing = (scores > settings.score_threshold).flatten(1)
    found = _best_candidates(boxes, scores, passing, count=min(candidates, passing.shape[1]), settings=settings)
    survivors, settled = _suppress_in_groups(found, threshold=settings.nms_threshold, rounds=rounds)
    number = survivors.sum(dim=1)
    enough = (passing.sum(dim=1) <= candidates) | ((number >= settings.per_image) & _no_tie_is_cut(scores, found))
    rows = _first_rows(survivors, settings.per_image)
    boxes, scores, labels, priors = (_compact(values, rows, settings.per_image) for values in found[:4])
    counts = number.clamp(max=settings.per_image)
    return BatchSelection(boxes, scores, labels, priors, counts=counts, complete=settled & enough & (settings.eta >= 1))


def _best_candidates(
    boxes: Float[Tensor, "b p 4"],
    scores: Float[Tensor, "b p c"],
    passing: Bool[Tensor, "b n"],
    *,
    count: int,
    settings: DetectionSettings,
) -> _Candidates:
    """The `count` best passing scores of each image; equal scores are in order of prior, then class.

    Scores are selected first and put in order afterwards, because a selection of short numbers reads less memory. The
    order is that of one integer: the bits of a positive float32, which grow with its value, in the upper half, and the
    position, counted from the end, in the lower half. Scores that do not pass become 0.
    """
    classes, total = scores.shape[2], passing.shape[1]
    values, positions = scores.float().flatten(1).masked_fill(~passing, 0).topk(count, dim=1, sorted=False)
    keys = (values.view(torch.int32).to(torch.int64) << 32) + (total - 1 - positions)
    keys, order = keys.sort(dim=1, descending=True)
    positions = positions.gather(1, order)
    labels, priors = positions % classes, positions // classes
    valid = values.gather(1, order) > 0
    same = (labels.unsqueeze(2) == torch.arange(classes, device=labels.device)) & valid.unsqueeze(2)
    rank = same.cumsum(dim=1, dtype=torch.int32).gather(2, labels.unsqueeze(2)).squeeze(2) - 1
    return _Candidates(
        boxes.gather(1, priors.unsqueeze(2).expand(-1, -1, 4)),
        scores.flatten(1).gather(1, positions),
        labels,
        priors,
        valid & (rank < settings.per_class),
    )


def _no_tie_is_cut(scores: Float[Tensor, "b p c"], found: _Candidates) -> Bool[Tensor, " b"]:
    """Whether the candidates are all scores as good as the last one; of equal scores, the selection takes any."""
    last = found.scores[:, -1:]
    return (scores.flatten(1) >= last).sum(dim=1) == found.scores.shape[1]


def _suppress_in_groups(
    found: _Candidates, *, threshold: float, rounds: int
) -> tuple[Bool[Tensor, "b k"], Bool[Tensor, " b"]]:
    """Survivors of greedy suppression, in groups of images that bound the memory."""
    size = max(1, _MOST_PAIRS // max(1, found.valid.shape[1]) ** 2)
    groups = zip(*(part.split(size) for part in (found.boxes, found.labels, found.valid)), strict=True)
    results = [_suppress(*group, threshold=threshold, rounds=rounds) for group in groups]
    survivors, settled = zip(*results, strict=True)
    return torch.cat(survivors), torch.cat(settled)


def _suppress(
    boxes: Float[Tensor, "b k 4"],
    labels: Int64[Tensor, "b k"],
    valid: Bool[Tensor, "b k"],
    *,
    threshold: float,
    rounds: int,
) -> tuple[Bool[Tensor, "b k"], Bool[Tensor, " b"]]:
    """Survivors of greedy suppression, and which images needed no more than `rounds` rounds.

    The rounds are those of `multibox.nms`: a box stays alive if no box alive in the previous round suppresses it. The
    result is final once a round changes nothing.
    """
    suppresses = ((iou(boxes, boxes) > threshold) & (labels.unsqueeze(2) == labels.unsqueeze(1))).triu_(diagonal=1)
    dtype = torch.float16 if boxes.is_cuda else torch.float32  # counts are compared with 0, so float16 is exact
    edges = suppresses.to(dtype)
    alive = before = valid
    for _ in range(rounds):
        before = alive
        alive = valid & (torch.bmm(alive.to(dtype).unsqueeze(1), edges).squeeze(1) == 0)
    return alive, (alive == before).all(dim=1)


def _first_rows(survivors: Bool[Tensor, "b k"], count: int) -> Int64[Tensor, "b k"]:
    """The output row of each candidate; `count`, one row past the end, for those that are not kept."""
    rows = survivors.cumsum(dim=1) - 1
    return torch.where(survivors & (rows < count), rows, count)


def _compact(values: Tensor, rows: Int64[Tensor, "b k"], count: int) -> Tensor:
    """Move the kept values to their rows; the others are zeros."""
    rest = values.shape[2:]
    out = values.new_zeros(values.shape[0], count + 1, *rest)
    index = rows.reshape(*rows.shape, *(1 for _ in rest)).expand_as(values)
    return out.scatter_(1, index, values)[:, :count]
