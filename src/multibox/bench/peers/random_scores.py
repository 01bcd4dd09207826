"""Random weights whose scores spread as those of a trained detector, for torchvision's SSDs.

Imported by scripts that another Python runs, so it imports nothing of multibox. The cost of suppression depends on how
many scores pass the threshold; with untouched random weights nearly all do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_SPREAD = 2.5  # standard deviation of the logits of every source map


@contextmanager
def raw_logits(model: Any) -> Iterator[list[Tensor]]:
    """Collects the class scores of all priors before the softmax."""
    found: list[Tensor] = []
    handle = model.head.classification_head.register_forward_hook(lambda layer, inputs, output: found.append(output))
    yield found
    handle.remove()


def last_layers(model: Any) -> list[nn.Conv2d]:
    """The layer of each source map that computes its class scores."""
    maps = model.head.classification_head.module_list
    return [[m for m in part.modules() if isinstance(m, nn.Conv2d)][-1] for part in maps]


@torch.inference_mode()
def spread_scores(model: Any, images: list[Tensor], *, candidates: int) -> None:
    """Spread the logits of every map alike, and set the background's bias so that `candidates` scores pass."""
    layers = last_layers(model)
    for layer, spread in zip(layers, _spreads(model, layers, images), strict=True):
        layer.weight.mul_(_SPREAD / spread)
    with raw_logits(model) as found:
        model(images)
    background = _background(found[0], threshold=model.score_thresh, candidates=candidates)
    for layer in layers:
        assert layer.bias is not None
        layer.bias.view(-1, found[0].shape[-1])[:, 0] += background


def _spreads(model: Any, layers: list[nn.Conv2d], images: list[Tensor]) -> list[Tensor]:
    spreads: list[Tensor] = []
    handles = [
        layer.register_forward_hook(lambda module, inputs, output: spreads.append(output.std())) for layer in layers
    ]
    model(images[:1])
    for handle in handles:
        handle.remove()
    return spreads


def _background(logits: Tensor, *, threshold: float, candidates: int) -> float:
    """The bias of the background with which `candidates` scores per image pass, by bisection."""
    low, high = -20.0, 40.0
    for _ in range(40):
        middle = (low + high) / 2
        shifted = logits.clone()
        shifted[..., 0] += middle
        passing = (shifted.softmax(-1)[..., 1:] > threshold).sum() / len(logits)
        low, high = (middle, high) if passing > candidates else (low, middle)
    return low
