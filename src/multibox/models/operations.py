"""Counts the arithmetic operations of a network."""

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from multibox.models.layers import ChannelScale, L2Norm
from multibox.models.ssd import SSD


class Operations(NamedTuple):
    """Multiplications and additions of all convolutions for one image, in units of 10⁹.

    `training` is for a training step, forward and backward. In the backward pass each convolution computes the
    gradients of its weights and of its input, each at the cost of a forward pass. Only the first convolution skips the
    latter, because its input is the image.
    """

    detection: float
    training: float


def operations_per_image(model: SSD) -> Operations:
    """Count the operations of detection and of training."""
    counts = _by_convolution(model)
    return Operations(sum(counts) / 1e9, (3 * sum(counts) - counts[0]) / 1e9)


def count_operations(model: SSD) -> float:
    """Count the operations of detection, in units of 10⁹."""
    return operations_per_image(model).detection


def count_training_operations(model: SSD) -> float:
    """Count the operations of one image of a training step, in units of 10⁹."""
    return operations_per_image(model).training


class _Counter(nn.Module):
    """Replaces a convolution: counts its operations, and returns zeros of its output's shape that take no memory."""

    def __init__(self, layer: nn.Conv2d, counts: list[int]) -> None:
        super().__init__()
        self.layer, self.counts = layer, counts

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        assert not isinstance(layer.padding, str)
        sides = [
            (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for side, padding, dilation, kernel, stride in zip(
                x.shape[-2:], layer.padding, layer.dilation, layer.kernel_size, layer.stride, strict=True
            )
        ]
        output = torch.zeros(1).expand(len(x), layer.out_channels, *sides)
        self.counts.append(2 * output.numel() * layer.weight[0].numel())
        return output


class _TransposeCounter(nn.Module):
    """The same for a transposed convolution, which has as many operations as the convolution whose gradient it is."""

    def __init__(self, layer: nn.ConvTranspose2d, counts: list[int]) -> None:
        super().__init__()
        self.layer, self.counts = layer, counts

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        assert not isinstance(layer.padding, str)
        sides = [
            (side - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
            for side, padding, dilation, kernel, stride in zip(
                x.shape[-2:], layer.padding, layer.dilation, layer.kernel_size, layer.stride, strict=True
            )
        ]
        self.counts.append(2 * x.numel() * layer.weight[0].numel())
        return torch.zeros(1).expand(len(x), layer.out_channels, *sides)


class _MatrixCounter(nn.Module):
    """The same for a matrix."""

    def __init__(self, layer: nn.Linear, counts: list[int]) -> None:
        super().__init__()
        self.layer, self.counts = layer, counts

    def forward(self, x: Tensor) -> Tensor:
        self.counts.append(2 * len(x) * self.layer.weight.numel())
        return torch.zeros(1).expand(len(x), self.layer.out_features)


class _OneChannel(nn.Module):
    """Applies a pooling layer to the first channel only; all others would be the same zeros."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x[:, :1]).expand(-1, x.shape[1], -1, -1)


_KEEPS_SHAPE = (
    *(nn.BatchNorm2d, L2Norm, ChannelScale),
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.Hardswish, nn.Sigmoid, nn.Tanh, nn.Softmax, nn.Dropout),
)


@torch.inference_mode()
def _by_convolution(model: SSD) -> list[int]:
    """Return the operations of each convolution, in the order of execution.

    Nothing is computed on the device "meta", because its first operation imports for a second.
    """
    counts: list[int] = []
    shapes_only = deepcopy(model).to("meta").eval()
    shapes_only.mean, shapes_only.std = torch.zeros(3, 1, 1), torch.ones(3, 1, 1)
    for module in list(shapes_only.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, nn.Conv2d):
                setattr(module, name, _Counter(layer, counts))
            elif isinstance(layer, nn.ConvTranspose2d):
                setattr(module, name, _TransposeCounter(layer, counts))
            elif isinstance(layer, nn.Linear):
                setattr(module, name, _MatrixCounter(layer, counts))
            elif isinstance(layer, nn.MaxPool2d):
                setattr(module, name, _OneChannel(layer))
            elif isinstance(layer, _KEEPS_SHAPE):
                setattr(module, name, nn.Identity())
    shapes_only(torch.zeros(1).expand(1, 3, *model.config.input_size))
    return counts
