"""Synthetic raw outputs like those of a trained detector: the cost of suppression depends on scores and boxes."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from multibox.boxes import iou
from multibox.coder import Coder
from multibox.models.config import ModelConfig
from multibox.scores import ScoreFunction, class_scores

_OBJECTS = 8  # in each image
_BASE_LOGIT = -9.0  # of classes that are not there
_LOGIT_PER_IOU = 16.0
_OFFSET_NOISE = 0.3


class Outputs(NamedTuple):
    """Offsets and logits, as a network returns them."""

    offsets: Float[Tensor, "b p 4"]
    logits: Float[Tensor, "b p k"]


def lifelike_outputs(
    config: ModelConfig, *, classes: int, images: int, candidates: int, generator: torch.Generator
) -> Outputs:
    """Outputs for images with eight objects each, in which on average `candidates` scores pass the threshold.

    A prior that overlaps an object has offsets close to its box and a logit of its class that grows with the overlap;
    other scores are low. The logit of the background is the same for all priors and sets the number of candidates.
    """
    coder = Coder(config.priors, variances=config.variances, code=config.box_code)
    rows = [_image(coder, classes, generator) for _ in range(images)]
    offsets, logits = (torch.stack(parts) for parts in zip(*rows, strict=True))
    logits[..., 0] = _background(logits, config.detection.score_threshold, candidates)
    return Outputs(offsets, logits)


def count_candidates(
    logits: Float[Tensor, "b p k"], *, threshold: float, score_function: ScoreFunction = "softmax"
) -> float:
    """The average number of scores above the threshold in an image."""
    return float((class_scores(logits.float(), score_function) > threshold).sum()) / len(logits)


def _image(coder: Coder, classes: int, generator: torch.Generator) -> Outputs:
    boxes, labels = _objects(classes, generator)
    overlap, nearest = iou(coder.corners, boxes).max(dim=1)
    noise = _OFFSET_NOISE * torch.randn(len(overlap), 4, generator=generator)
    target = torch.where((overlap > 0.2).unsqueeze(1), boxes[nearest], coder.corners)
    logits = _BASE_LOGIT + torch.randn(len(overlap), classes + 1, generator=generator)
    logits.scatter_add_(1, labels[nearest].unsqueeze(1) + 1, _LOGIT_PER_IOU * overlap.unsqueeze(1))
    return Outputs(coder.encode(target) + noise, logits)


def _objects(classes: int, generator: torch.Generator) -> tuple[Float[Tensor, "n 4"], Int64[Tensor, " n"]]:
    corner = 0.6 * torch.rand(_OBJECTS, 2, generator=generator)
    size = 0.1 + 0.3 * torch.rand(_OBJECTS, 2, generator=generator)
    labels = torch.randint(0, classes, (_OBJECTS,), generator=generator)
    return torch.cat([corner, corner + size], dim=1), labels


def _background(logits: Float[Tensor, "b p k"], threshold: float, candidates: int) -> Float[Tensor, ""]:
    """The logit of the background that lets `candidates` scores per image pass, or all that can.

    A score passes if e^logit > threshold · (e^background + the sum over all classes of e^logit).
    """
    powers = logits[..., 1:].exp()
    limits = (powers / threshold - powers.sum(dim=-1, keepdim=True)).flatten()
    wanted = min(candidates * len(logits), int((limits > 0).sum()) - 1)
    return limits.topk(wanted + 1).values[-1].log()
