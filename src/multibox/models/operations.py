"""Counts the arithmetic operations of a network."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from multibox.models.ssd import SSD


def count_operations(model: SSD) -> float:
    """Multiplications and additions of all convolutions for one image, in units of 10⁹."""
    return sum(_by_convolution(model)) / 1e9


def count_training_operations(model: SSD) -> float:
    """The same for one image of a training step, forward and backward.

    In the backward pass each convolution computes the gradients of its weights and of its input, each at the cost of a
    forward pass. Only the first convolution skips the latter, because its input is the image.
    """
    counts = _by_convolution(model)
    return (3 * sum(counts) - counts[0]) / 1e9


@torch.inference_mode()
def _by_convolution(model: SSD) -> list[int]:
    """The operations of each convolution, in the order of execution."""
    counted: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        counted.append(2 * output.numel() * layer.weight[0].numel())

    shapes_only = deepcopy(model).to("meta").eval()
    for module in shapes_only.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    shapes_only(torch.empty(1, 3, *model.config.input_size, device="meta"))
    return counted
