"""The MultiBox loss (paper section 2.2, equations 1 to 3; multibox_loss_layer.cpp) and hard negative mining."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from multibox.coder import Coder
from multibox.matching import UNMATCHED, Matches, match
from multibox.scores import ScoreFunction, log_partition
from multibox.selection import indices_of, largest_of_rows


@dataclass(frozen=True)
class LossConfig:
    """Settings of the loss.

    A prior with an IoU of at least `negative_overlap` with an object is never a negative. `background_negatives` is
    the number of negatives in an image without objects; the official code takes none and learns nothing from such
    images. With `skip_boundary`, priors that cross the image boundary are ignored (right column of Table 3).
    """

    match_threshold: float = 0.5
    negative_ratio: float = 3.0
    negative_overlap: float = 0.5
    location_weight: float = 1.0
    background_negatives: int = 0
    skip_boundary: bool = False


class MultiBoxLoss(NamedTuple):
    """`total` = confidence + location_weight · location, each divided by the number of positives."""

    total: Float[Tensor, ""]
    location: Float[Tensor, ""]
    confidence: Float[Tensor, ""]
    positives: Int64[Tensor, ""]
    negatives: Int64[Tensor, ""]


def at_least_one(positives: Int64[Tensor, ""]) -> Float[Tensor, ""]:
    """The official normalizer (VALID): the matches of this process's batch, at least 1."""
    return positives.clamp(min=1).float()


def hard_negatives(
    background_loss: Float[Tensor, "b p"], matches: Matches, *, config: LossConfig
) -> Bool[Tensor, "b p"]:
    """The unmatched priors with the largest background loss, `negative_ratio` for each positive of the same image.

    With softmax they are ranked by -log softmax(background), as in MineHardExamples with MAX_NEGATIVE. Among equal
    losses the lowest prior comes first.
    """
    positives = matches.positive.sum(dim=1)
    wanted = (positives * config.negative_ratio).long()
    wanted = torch.where(positives > 0, wanted, config.background_negatives)
    candidate = (matches.index == UNMATCHED) & (matches.overlap < config.negative_overlap)
    ranking = background_loss.masked_fill(~candidate, -torch.inf)
    if _host_may_wait(ranking.device):
        return largest_of_rows(ranking, wanted) & candidate
    ranked = ranking.argsort(dim=1, descending=True, stable=True)
    within = torch.arange(ranked.shape[1], device=ranked.device) < wanted.unsqueeze(1)
    return torch.zeros_like(candidate).scatter_(1, ranked, within) & candidate


def match_batch(
    boxes: Float[Tensor, "b g 4"], valid: Bool[Tensor, "b g"], *, coder: Coder, config: LossConfig
) -> Matches:
    """Match the priors to the objects, with the loss's threshold and rule for the boundary."""
    usable = _usable(coder) if config.skip_boundary else None
    return match(coder.corners, boxes, valid, threshold=config.match_threshold, usable=usable)


def multibox_loss(
    offsets: Float[Tensor, "b p 4"],
    logits: Float[Tensor, "b p k"],
    boxes: Float[Tensor, "b g 4"],
    labels: Int64[Tensor, "b g"],
    valid: Bool[Tensor, "b g"],
    *,
    coder: Coder,
    config: LossConfig = LossConfig(),
    score_function: ScoreFunction = "softmax",
    normalizer: Callable[[Int64[Tensor, ""]], Float[Tensor, ""]] = at_least_one,
    matches: Matches | None = None,
) -> MultiBoxLoss:
    """L = (L_conf + α L_loc) / N over a batch.

    `logits` have background at 0 and class c at c + 1; `boxes` are corners relative to the input, `labels` 0 … C-1.
    `score_function` is that of the model; with "sigmoid" L_conf is the sum of binary cross entropies.
    `normalizer` computes N from the number of positives. If several processes share a batch, it sums over them.
    `matches` are those of `match_batch`, if they are already known.
    """
    if matches is None:
        matches = match_batch(boxes, valid, coder=coder, config=config)
    positive = matches.positive
    on_host = _host_may_wait(logits.device)
    partition = log_partition(logits.detach() if on_host else logits, score_function)
    background_loss = (partition - logits[..., 0].float()).detach()
    negative = hard_negatives(background_loss, matches, config=config)

    target, chosen = _targets(matches, labels), positive | negative
    if on_host:
        confidence = _confidence_of_rows(logits, target, chosen, score_function)
        location = _location_of_rows(offsets, boxes, matches, coder)
        location = location + _nan_unless_finite(partition) + _nan_unless_finite(offsets.detach())
    else:
        confidence = _confidence_loss(logits, partition, target, chosen)
        location = _location_loss(offsets.float(), boxes, matches, coder)
    location = location + _nan_unless_finite(boxes.masked_fill(~valid.unsqueeze(-1), 0))
    count = positive.sum()
    divisor = normalizer(count)
    confidence, location = confidence / divisor, location / divisor
    return MultiBoxLoss(confidence + config.location_weight * location, location, confidence, count, negative.sum())


def _host_may_wait(device: torch.device) -> bool:
    """Whether the selected priors can be counted on the host, so that the loss is computed for them alone."""
    return device.type == "cpu"


def _nan_unless_finite(values: Float[Tensor, "..."]) -> Float[Tensor, ""]:
    """0, or NaN if a number is not finite, which the loss would not show if it belongs to no selected prior."""
    return values.sum(dtype=torch.float32) * 0


def _targets(matches: Matches, labels: Int64[Tensor, "b g"]) -> Int64[Tensor, "b p"]:
    """The network's class index for each prior: 0 for background, else label + 1."""
    if labels.shape[1] == 0:
        return torch.zeros_like(matches.index)
    label = labels.gather(1, matches.index.clamp(min=0))
    return torch.where(matches.positive, label + 1, 0)


def _confidence_loss(
    logits: Float[Tensor, "b p k"],
    partition: Float[Tensor, "b p"],
    target: Int64[Tensor, "b p"],
    chosen: Bool[Tensor, "b p"],
) -> Float[Tensor, ""]:
    """Sum of the cross entropies of the chosen priors (equation 3)."""
    chosen_logit = logits.gather(-1, target.unsqueeze(-1)).squeeze(-1).float()
    return ((partition - chosen_logit) * chosen).sum()


def _confidence_of_rows(
    logits: Float[Tensor, "b p k"],
    target: Int64[Tensor, "b p"],
    chosen: Bool[Tensor, "b p"],
    score_function: ScoreFunction,
) -> Float[Tensor, ""]:
    """The same from the chosen priors alone."""
    rows = indices_of(chosen.flatten())
    logits, target = logits.flatten(0, 1).index_select(0, rows), target.flatten()[rows]
    chosen_logit = logits.gather(-1, target.unsqueeze(-1)).squeeze(-1).float()
    return (log_partition(logits, score_function) - chosen_logit).sum()


def _location_loss(
    offsets: Float[Tensor, "b p 4"], boxes: Float[Tensor, "b g 4"], matches: Matches, coder: Coder
) -> Float[Tensor, ""]:
    """Sum of smooth L1 over the four offsets of the positives (equation 2)."""
    if boxes.shape[1] == 0:
        return offsets.sum() * 0
    index = matches.index.clamp(min=0).unsqueeze(-1).expand(-1, -1, 4)
    positive = matches.positive.unsqueeze(-1)
    # Unmatched priors are their own targets, because then their offsets are 0 and finite.
    wanted = torch.where(positive, boxes.gather(1, index), coder.corners)
    loss = F.smooth_l1_loss(offsets, coder.encode(wanted), reduction="none", beta=1.0)
    return (loss * positive).sum()


def _location_of_rows(
    offsets: Float[Tensor, "b p 4"], boxes: Float[Tensor, "b g 4"], matches: Matches, coder: Coder
) -> Float[Tensor, ""]:
    """The same from the positives alone."""
    rows = indices_of(matches.positive.flatten())
    image = rows // offsets.shape[1]
    wanted = coder.encode_at(boxes[image, matches.index.flatten()[rows]], rows % offsets.shape[1])
    return F.smooth_l1_loss(offsets.flatten(0, 1).index_select(0, rows).float(), wanted, reduction="sum", beta=1.0)


def _usable(coder: Coder) -> Bool[Tensor, " p"]:
    return ((coder.corners >= 0) & (coder.corners <= 1)).all(dim=1)
