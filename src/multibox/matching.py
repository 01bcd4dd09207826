"""Matching: assigns objects to priors (paper section 2.2; MatchBBox in bbox_util.cpp).

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
    """The object of each prior.

    `index` (B, P): the object that the prior is matched to, UNMATCHED, or IGNORED (neither positive nor negative).
    `overlap` (B, P): IoU with the matched object, else the largest IoU with any object. Values up to 1e-6 become 0.
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
    """Match each object to the prior that it overlaps most, then each free prior to the object that it overlaps most.

    The first step is greedy over all pairs of an image. The second step needs an IoU of at least `threshold`. `priors`
    and `boxes` are corners in the same unit; `valid` marks real rows among the padding. Priors that are not `usable`
    are IGNORED, as the official code does on request with priors that cross the image boundary (Table 3).
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
    """The bipartite step: one round for each object, for the whole batch at the same time.

    Only the best G priors of an object matter, because the other objects can take fewer than G.
    """
    batch, objects, count = overlaps.shape
    keys, candidates = _best_candidates(overlaps, k=min(objects, count))
    rows = torch.arange(batch, device=overlaps.device)
    zero = keys.new_zeros(())  # on the device: assigning a number makes the host wait for it
    for _ in range(objects):
        key, choice = keys.flatten(1).max(dim=1)
        chosen_object = choice // keys.shape[2]
        chosen_prior = candidates.flatten(1)[rows, choice]
        found = key > 0
        old_index, old_best = index[rows, chosen_prior], best[rows, chosen_prior]
        index[rows, chosen_prior] = torch.where(found, chosen_object, old_index)
        best[rows, chosen_prior] = torch.where(found, overlaps[rows, chosen_object, chosen_prior], old_best)
        keys[rows, chosen_object] = zero
        keys = keys.masked_fill_(candidates == chosen_prior[:, None, None], 0)
    return index, best


def _best_candidates(
    overlaps: Float[Tensor, "b g p"], *, k: int
) -> tuple[Int64[Tensor, "b g k"], Int64[Tensor, "b g k"]]:
    """Keys and indices of the k best priors of each object.

    Keys order pairs by overlap, and pairs of equal overlap by prior, the lowest first. The high bits of a key are the
    bits of the overlap, which grow with the value of a positive float32. The low bits are the index of the prior,
    counted from the end. A pair without overlap has key 0.
    """
    count = overlaps.shape[2]
    bits = overlaps.float().view(torch.int32).to(torch.int64) << 32
    backwards = torch.arange(count - 1, -1, -1, device=overlaps.device)
    keys, candidates = (bits + backwards).topk(k, dim=2)
    return keys.masked_fill_(keys < 1 << 32, 0), candidates
