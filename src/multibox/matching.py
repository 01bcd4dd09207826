"""Matching: which prior learns which object (paper section 2.2; MatchBBox in bbox_util.cpp).

Shapes: B batch, P priors, G objects (padded), K candidates of an object.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from multibox.boxes import iou

UNMATCHED = -1
IGNORED = -2
_LEAST_OVERLAP = 1e-6


@dataclass(frozen=True, eq=False)
class Matches:
    """`index` (B, P): the object that a prior learns, UNMATCHED, or IGNORED (neither positive nor negative).

    `overlap` (B, P): IoU with the matched object, else the largest IoU with any object; at most 1e-6 counts as 0.
    """

    index: Int64[Tensor, "b p"]
    overlap: Float[Tensor, "b p"]

    @property
    def positive(self) -> Bool[Tensor, "b p"]:
        return self.index >= 0


def match(
    priors: Float[Tensor, "p 4"],
    boxes: Float[Tensor, "b g 4"],
    valid: Bool[Tensor, "b g"],
    *,
    threshold: float = 0.5,
    usable: Bool[Tensor, " p"] | None = None,
) -> Matches:
    """Each object takes the prior it overlaps best, in a global greedy order; then each free prior its best object.

    `priors` and `boxes` are corners in the same unit; `valid` marks real rows among the padding. The second step needs
    an IoU of at least `threshold`. Priors that are not `usable` are IGNORED: the official code does so with those that
    cross the image's boundary when told to (Table 3).
    """
    batch, objects = valid.shape
    overlaps = iou(boxes, priors.expand(batch, -1, -1)).masked_fill_(~valid.unsqueeze(-1), 0)
    if usable is not None:
        overlaps = overlaps.masked_fill(~usable, 0)
    overlaps = overlaps.masked_fill_(overlaps <= _LEAST_OVERLAP, 0)
    if objects == 0:
        best, index = overlaps.new_zeros(batch, len(priors)), _unmatched(batch, len(priors), overlaps.device)
    else:
        best, index = overlaps.max(dim=1)
        index = index.masked_fill_(best < threshold, UNMATCHED)
        index, best = _give_each_object_its_prior(overlaps, index, best)
    if usable is not None:
        index = index.masked_fill(~usable, IGNORED)
    return Matches(index, best)


def _unmatched(batch: int, priors: int, device: torch.device) -> Int64[Tensor, "b p"]:
    return torch.full((batch, priors), UNMATCHED, dtype=torch.int64, device=device)


def _give_each_object_its_prior(
    overlaps: Float[Tensor, "b g p"], index: Int64[Tensor, "b p"], best: Float[Tensor, "b p"]
) -> tuple[Int64[Tensor, "b p"], Float[Tensor, "b p"]]:
    """The bipartite step, one round for each object, the whole batch at once.

    Of an object's priors only its best G can matter, since fewer than G can be taken by others.
    """
    batch, objects, count = overlaps.shape
    keys, candidates = _best_candidates(overlaps, k=min(objects, count))
    rows = torch.arange(batch, device=overlaps.device)
    for _ in range(objects):
        key, choice = keys.flatten(1).max(dim=1)
        chosen_object = choice // keys.shape[2]
        chosen_prior = candidates.flatten(1)[rows, choice]
        found = key > 0
        old_index, old_best = index[rows, chosen_prior], best[rows, chosen_prior]
        index[rows, chosen_prior] = torch.where(found, chosen_object, old_index)
        best[rows, chosen_prior] = torch.where(found, overlaps[rows, chosen_object, chosen_prior], old_best)
        keys[rows, chosen_object] = 0
        keys = keys.masked_fill_(candidates == chosen_prior[:, None, None], 0)
    return index, best


def _best_candidates(
    overlaps: Float[Tensor, "b g p"], *, k: int
) -> tuple[Int64[Tensor, "b g k"], Int64[Tensor, "b g k"]]:
    """Keys and prior numbers of the k best priors of each object.

    A key orders by overlap and, among equal ones, by the lowest prior: the bits of a positive float32 grow with its
    value, and below them stands the prior's number, counted from the end. A pair that does not overlap has key 0.
    """
    count = overlaps.shape[2]
    bits = overlaps.float().view(torch.int32).to(torch.int64) << 32
    backwards = torch.arange(count - 1, -1, -1, device=overlaps.device)
    keys, candidates = (bits + backwards).topk(k, dim=2)
    return keys.masked_fill_(keys < 1 << 32, 0), candidates
