"""Raw outputs such as a trained detector gives, made up: what suppression costs depends on the scores and boxes."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from multibox.boxes import iou
from multibox.coder import Coder
from multibox.models.config import ModelConfig

_OBJECTS = 8
_FAINT = -9.0
_STEEPNESS = 16.0
_WANDERING = 0.3


class Outputs(NamedTuple):
    """Offsets and logits as a network gives them."""

    offsets: Float[Tensor, "b p 4"]
    logits: Float[Tensor, "b p k"]


def lifelike_outputs(
    config: ModelConfig, *, classes: int, images: int, candidates: int, generator: torch.Generator
) -> Outputs:
    """Outputs for images of eight objects each, in which on average `candidates` scores pass the threshold.

    A prior that overlaps an object has offsets to about its box and a logit of its class that grows with the overlap;
    all others have faint scores. The logit of the background, the same for all priors, gives the number of candidates.
    """
    coder = Coder(config.priors, variances=config.variances)
    rows = [_image(coder, classes, generator) for _ in range(images)]
    offsets, logits = (torch.stack(parts) for parts in zip(*rows, strict=True))
    logits[..., 0] = _background(logits, config.detection.score_threshold, candidates)
    return Outputs(offsets, logits)


def count_candidates(logits: Float[Tensor, "b p k"], *, threshold: float) -> float:
    """How many scores above the threshold an image has on average."""
    return float((logits.float().softmax(dim=-1)[..., 1:] > threshold).sum()) / len(logits)


def _image(coder: Coder, classes: int, generator: torch.Generator) -> Outputs:
    boxes, labels = _objects(classes, generator)
    overlap, nearest = iou(coder.corners, boxes).max(dim=1)
    wandering = _WANDERING * torch.randn(len(overlap), 4, generator=generator)
    toward = torch.where((overlap > 0.2).unsqueeze(1), boxes[nearest], coder.corners)
    logits = _FAINT + torch.randn(len(overlap), classes + 1, generator=generator)
    logits.scatter_add_(1, labels[nearest].unsqueeze(1) + 1, _STEEPNESS * overlap.unsqueeze(1))
    return Outputs(coder.encode(toward) + wandering, logits)


def _objects(classes: int, generator: torch.Generator) -> tuple[Float[Tensor, "n 4"], Int64[Tensor, " n"]]:
    corner = 0.6 * torch.rand(_OBJECTS, 2, generator=generator)
    size = 0.1 + 0.3 * torch.rand(_OBJECTS, 2, generator=generator)
    labels = torch.randint(0, classes, (_OBJECTS,), generator=generator)
    return torch.cat([corner, corner + size], dim=1), labels


def _background(logits: Float[Tensor, "b p k"], threshold: float, candidates: int) -> Float[Tensor, ""]:
    """The logit of the background with which that many scores an image pass, or as many as can.

    A score passes where e^logit > threshold · (e^background + the sum over all classes of e^logit).
    """
    powers = logits[..., 1:].exp()
    most = (powers / threshold - powers.sum(dim=-1, keepdim=True)).flatten()
    wanted = min(candidates * len(logits), int((most > 0).sum()) - 1)
    return most.topk(wanted + 1).values[-1].log()
