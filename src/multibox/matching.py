"""Matching: assigns objects to priors (paper section 2.2; MatchBBox in bbox_util.cpp).

The official program repeatedly takes the pair with the largest overlap among all objects and priors of an image. Here
the objects propose: each one that has no prior proposes to the best prior at which it can displace the current holder,
and a prior keeps its best proposal (deferred acceptance, Gale and Shapley 1962). Pairs are totally ordered, by overlap,
then lowest prior, then lowest object, so both procedures end with the same pairs; the second one needs few rounds.

Shapes: B batch, P priors, G objects (padded), N objects of the batch without padding, K entries of a list.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor
from torch.nn.functional import pad

from multibox.boxes import iou
from multibox.selection import indices_of

UNMATCHED = -1
IGNORED = -2
_LEAST_OVERLAP = 1e-6
_PAIRS_AT_ONCE = 1 << 18  # pairs of an IoU table, which then fits the cache of a processor
_FIRST_LIST, _LONGEST_LIST, _MOST_ENTRIES = 16, 1024, 1 << 23  # lengths of a list, and the sum of all in memory
_WINDOW = 4  # entries of a list that are compared in one round
_MOST_WITHOUT_WAITING = 128  # objects; with more of them, fixed rounds cost more than waiting for the device
_OBJECT_BITS = 32
_OBJECT_MASK = (1 << _OBJECT_BITS) - 1


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


@dataclass(frozen=True, eq=False)
class _Lists:
    """The best priors of each object, the best one first.

    `places` are indices of priors in the flattened (B, P). `keys` order the proposals that a prior receives: overlap in
    the high bits, object counted from the end in the low ones. Key 0 ends a list.
    """

    keys: Int64[Tensor, "n k"]
    places: Int64[Tensor, "n k"]

    def with_rows(self, rows: Int64[Tensor, " m"], lists: "_Lists") -> "_Lists":
        """These lists with other ones in some rows."""
        k = max(self.keys.shape[1], lists.keys.shape[1])
        old, new = self.padded(k), lists.padded(k)
        old.keys[rows], old.places[rows] = new.keys, new.places
        return old

    def padded(self, k: int) -> "_Lists":
        more = (0, k - self.keys.shape[1])
        return _Lists(pad(self.keys, more), pad(self.places, more))


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

    Up to 128 objects an image, the host never waits for a GPU. Memory does not grow with the table of all pairs.
    """
    if usable is not None:  # boxes without an area overlap nothing
        priors = priors.masked_fill(~usable.unsqueeze(1), 0)
    boxes = boxes.masked_fill(~valid.unsqueeze(2), 0)
    priors = priors.T.contiguous().T  # each coordinate contiguous, which is faster
    if _host_may_wait(boxes.device, valid.shape[1]):
        index, best = _match_in_parts(priors, boxes, valid, threshold=threshold)
    else:
        index, best = _match_without_waiting(priors, boxes, threshold=threshold)
    if usable is not None:
        index = index.masked_fill(~usable, IGNORED)
    return Matches(index, best)


def _host_may_wait(device: torch.device, objects: int) -> bool:
    return device.type == "cpu" or objects > _MOST_WITHOUT_WAITING


def _match_without_waiting(
    priors: Float[Tensor, "p 4"], boxes: Float[Tensor, "b g 4"], *, threshold: float
) -> tuple[Int64[Tensor, "b p"], Float32[Tensor, "b p"]]:
    """Index and overlap of each prior, in as many rounds as there are objects.

    They are always enough, because the r best pairs are final after round r.
    """
    (batch, objects), count = boxes.shape[:2], len(priors)
    held = torch.zeros(batch * count, dtype=torch.int64, device=boxes.device)
    if objects == 0:
        return (held - 1).view(batch, count), held.float().view(batch, count)
    overlaps = _overlaps(boxes, priors)
    best, index = overlaps.max(dim=1)
    index.masked_fill_(best < threshold, UNMATCHED)
    flat = torch.arange(batch * objects, device=boxes.device)
    lists = _exact_lists(overlaps.flatten(0, 1), flat, objects=objects, k=objects)
    for _ in range(objects):  # what an object holds is still acceptable to it, so it proposes there again
        acceptable = lists.keys >= held[lists.places.flatten()].view_as(lists.keys)
        first = acceptable.to(torch.uint8).argmax(dim=1, keepdim=True)
        key, place = lists.keys.gather(1, first).squeeze(1), lists.places.gather(1, first).squeeze(1)
        held.scatter_reduce_(0, place, key, "amax")
    held = held.view(batch, count)
    taken = held > 0
    return torch.where(taken, _row_of(held, objects=objects), index), torch.where(taken, _overlap_of(held), best)


def _match_in_parts(
    priors: Float[Tensor, "p 4"], boxes: Float[Tensor, "b g 4"], valid: Bool[Tensor, "b g"], *, threshold: float
) -> tuple[Int64[Tensor, "b p"], Float32[Tensor, "b p"]]:
    """The same from parts of the table of pairs, in as many rounds as are needed."""
    (batch, objects), count = valid.shape, len(priors)
    index = torch.full((batch, count), UNMATCHED, dtype=torch.int64, device=boxes.device)
    best = torch.zeros(batch, count, device=boxes.device)
    held = torch.zeros(batch * count, dtype=torch.int64, device=boxes.device)
    seeking = valid.flatten().nonzero().squeeze(1)
    if not len(seeking):
        return index, best
    flat_boxes, shortest = boxes.flatten(0, 1), []
    parts = seeking.split(max(1, _PAIRS_AT_ONCE // count))
    for part in parts:
        overlaps = _overlaps(flat_boxes[part], priors)
        _keep_larger(index, best, overlaps, part, objects=objects, threshold=threshold)
        if len(parts) == 1 and _all_get_their_best(overlaps, part, held, objects=objects):
            break
        shortest.append(overlaps.topk(min(_FIRST_LIST, count - 1) + 1, dim=1))
    if shortest:
        values, candidates = (torch.cat(tensors) for tensors in zip(*shortest, strict=True))
        lists = _first_lists(values, candidates, seeking, objects=objects, count=count)
        _propose_all(flat_boxes, priors, seeking, lists, held, objects=objects)
    places = indices_of(held > 0)
    index.view(-1)[places] = _row_of(held[places], objects=objects)
    best.view(-1)[places] = _overlap_of(held[places])
    return index, best


def _all_get_their_best(
    overlaps: Float32[Tensor, "n p"], flat: Int64[Tensor, " n"], held: Int64[Tensor, " bp"], *, objects: int
) -> bool:
    """Let each object propose to its best prior, the lowest one of several, and return whether all are held there.

    This is so in most images with few objects, and saves the lists. Updates `held`.
    """
    priors = _first_largest(overlaps)
    places = priors + torch.div(flat, objects, rounding_mode="floor") * overlaps.shape[1]
    keys = _keys(_bits(overlaps.gather(1, priors[:, None])), flat, objects=objects).squeeze(1)
    held.scatter_reduce_(0, places, keys, "amax")
    return bool(((held[places] == keys) | (keys == 0)).all())


def _propose_all(
    flat_boxes: Float[Tensor, "bg 4"],
    priors: Float[Tensor, "p 4"],
    flat: Int64[Tensor, " n"],
    lists: _Lists,
    held: Int64[Tensor, " bp"],
    *,
    objects: int,
) -> None:
    """Let the objects propose, with longer lists for those that reach the end of theirs; updates `held`."""
    position = torch.zeros_like(flat)
    hopeless = torch.zeros_like(flat, dtype=torch.bool)
    k = _FIRST_LIST
    while True:
        ended = (_propose(lists, position, held) & ~hopeless).nonzero().squeeze(1)
        if not len(ended):
            return
        longest = max(_FIRST_LIST, min(_LONGEST_LIST, _MOST_ENTRIES // len(flat)))
        k = min(8 * k, longest)
        longer = _lists_of_acceptable(flat_boxes, priors, flat[ended], held, objects=objects, k=k)
        hopeless[ended] = longer.keys[:, 0] == 0
        lists, position[ended] = lists.with_rows(ended, longer), 0


def _overlaps(boxes: Float[Tensor, "*b g 4"], priors: Float[Tensor, "p 4"]) -> Float32[Tensor, "*b g p"]:
    overlaps = iou(boxes, priors.expand(*boxes.shape[:-2], -1, -1)).float()
    return torch.threshold_(overlaps, _LEAST_OVERLAP, 0.0)


def _keep_larger(
    index: Int64[Tensor, "b p"],
    best: Float32[Tensor, "b p"],
    overlaps: Float32[Tensor, "n p"],
    flat: Int64[Tensor, " n"],
    *,
    objects: int,
    threshold: float,
) -> None:
    """Update the largest overlap of each prior, and its object where that is at least the threshold, in place.

    Of several objects with the same overlap, the first one stays.
    """
    images, counts = torch.div(flat, objects, rounding_mode="floor").unique_consecutive(return_counts=True)
    sizes = counts.tolist()
    rows = (flat % objects).split(sizes)
    for number, (image, of_image, row) in enumerate(zip(images.tolist(), overlaps.split(sizes), rows, strict=True)):
        largest, before = of_image.amax(dim=0), best[image]
        better = largest >= max(threshold, _LEAST_OVERLAP)
        if number == 0:  # only the first image can have objects in an earlier part
            better.logical_and_(largest > before)
        few = indices_of(better)
        index[image, few] = row[of_image[:, few].argmax(dim=0)]
        torch.maximum(largest, before, out=before)


def _first_largest(overlaps: Float32[Tensor, "n p"]) -> Int64[Tensor, " n"]:
    """The place of the largest value of each row, the lowest of several; by NumPy on the CPU, where it is faster."""
    return (
        torch.from_numpy(overlaps.numpy().argmax(axis=1)) if overlaps.device.type == "cpu" else overlaps.argmax(dim=1)
    )


def _first_lists(
    values: Float32[Tensor, "n k"],
    candidates: Int64[Tensor, "n k"],
    flat: Int64[Tensor, " n"],
    *,
    objects: int,
    count: int,
) -> _Lists:
    """Lists from the largest overlaps of each object, which are in any order where they are equal.

    Overlaps equal to the last one are left out, because the list may lack others of them.
    """
    order, _ = _order_of(values, candidates, count=count).sort(dim=1, descending=True)
    bits = order >> _OBJECT_BITS
    if values.shape[1] < count:
        bits = bits.masked_fill(bits == bits[:, -1:], 0)
    return _lists(bits, count - 1 - (order & _OBJECT_MASK), flat, objects=objects, count=count)


def _lists_of_acceptable(
    flat_boxes: Float[Tensor, "bg 4"],
    priors: Float[Tensor, "p 4"],
    seeking: Int64[Tensor, " n"],
    held: Int64[Tensor, " bp"],
    *,
    objects: int,
    k: int,
) -> _Lists:
    """Lists of the best priors at which an object can displace the holder now. A prior never gets easier to have."""
    count, found = len(priors), []
    holders = held.view(-1, count)
    for part in seeking.split(max(1, _PAIRS_AT_ONCE // count)):
        overlaps = _overlaps(flat_boxes[part], priors)
        keys = _keys(_bits(overlaps), part, objects=objects)
        overlaps.masked_fill_(keys <= holders[part // objects], 0)
        found.append(_exact_lists(overlaps, part, objects=objects, k=k))
    return _Lists(torch.cat([lists.keys for lists in found]), torch.cat([lists.places for lists in found]))


def _exact_lists(overlaps: Float32[Tensor, "n p"], flat: Int64[Tensor, " n"], *, objects: int, k: int) -> _Lists:
    count = overlaps.shape[1]
    order = _order_of(overlaps, torch.arange(count, device=overlaps.device), count=count)
    order, candidates = order.topk(min(k, count), dim=1)
    return _lists(order >> _OBJECT_BITS, candidates, flat, objects=objects, count=count)


def _order_of(
    overlaps: Float32[Tensor, "n k"], candidates: Int64[Tensor, "*#n k"], *, count: int
) -> Int64[Tensor, "n k"]:
    """Integers that order the pairs of one object: by overlap, pairs of equal overlap by prior, the lowest first."""
    return (_bits(overlaps) << _OBJECT_BITS) + (count - 1 - candidates)


def _lists(
    bits: Int64[Tensor, "n k"],
    candidates: Int64[Tensor, "n k"],
    flat: Int64[Tensor, " n"],
    *,
    objects: int,
    count: int,
) -> _Lists:
    image = torch.div(flat, objects, rounding_mode="floor").unsqueeze(1)
    return _Lists(_keys(bits, flat, objects=objects), candidates + image * count)


def _keys(bits: Int64[Tensor, "n k"], flat: Int64[Tensor, " n"], *, objects: int) -> Int64[Tensor, "n k"]:
    backwards = (objects - 1 - flat % objects).unsqueeze(1)
    return ((bits << _OBJECT_BITS) + backwards).masked_fill_(bits == 0, 0)


def _bits(overlaps: Float32[Tensor, "n k"]) -> Int64[Tensor, "n k"]:
    """The bits of positive float32 values, which grow with the value."""
    return overlaps.view(torch.int32).to(torch.int64)


def _overlap_of(keys: Int64[Tensor, "*n"]) -> Float32[Tensor, "*n"]:
    return (keys >> _OBJECT_BITS).to(torch.int32).view(torch.float32)


def _row_of(keys: Int64[Tensor, "*n"], *, objects: int) -> Int64[Tensor, "*n"]:
    return objects - 1 - (keys & _OBJECT_MASK)


def _propose(lists: _Lists, position: Int64[Tensor, " n"], held: Int64[Tensor, " bp"]) -> Bool[Tensor, " n"]:
    """Let the objects propose until each one is held or reaches the end of its list; return which ones reach it.

    In a round, each free object proposes to the first acceptable prior in a window of its list. Updates `position`,
    the prior of each object in its list, and `held`, the key of the proposal that each prior holds.
    """
    keys, places, length = lists.keys, lists.places, lists.keys.shape[1]
    window = torch.arange(min(_WINDOW, length), device=keys.device)
    while True:
        current = position.clamp(max=length - 1).unsqueeze(1)
        key, place = keys.gather(1, current).squeeze(1), places.gather(1, current).squeeze(1)
        ended = (position >= length) | (key == 0)
        free = (~ended & (held[place] != key)).nonzero().squeeze(1)
        if not len(free):
            return ended
        columns = (position[free, None] + window).clamp_(max=length - 1)
        key, place = keys[free[:, None], columns], places[free[:, None], columns]
        acceptable, first = (key > held[place]).to(torch.uint8).max(dim=1, keepdim=True)
        proposal = key.gather(1, first).mul_(acceptable).squeeze(1)
        held.scatter_reduce_(0, place.gather(1, first).squeeze(1), proposal, "amax")
        position[free] += torch.where(acceptable > 0, first, len(window)).squeeze(1)
