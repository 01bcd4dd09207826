"""Layers that several networks share."""

from math import sqrt
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def convolution(
    channels: int,
    out: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
) -> nn.Sequential:
    """A convolution without bias, batch normalization and an activation, with MobileNetV3's constants.

    The default `padding` is half the kernel.
    """
    padding = kernel // 2 if padding is None else padding
    layers: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride=stride, padding=padding, groups=groups, bias=False),
        nn.BatchNorm2d(out, eps=0.001, momentum=0.03),
    ]
    return nn.Sequential(*layers, *([activation(inplace=True)] if activation else []))


class L2Norm(nn.Module):
    """Scale each position to unit length over its channels, times a learned factor for each channel.

    Paper section 3.1; normalize_layer.cpp with across_spatial false: the epsilon is inside the root. The gradient is
    the exact derivative. The official layer's gradient equals it only while all factors are equal, as at the start.
    With one channel, all channels share the factor; with `across_spatial` the whole map gets unit length.
    """

    def __init__(self, channels: int, *, scale: float = 20.0, eps: float = 1e-10, across_spatial: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), scale))
        self.eps = eps
        self.axes = (1, 2, 3) if across_spatial else (1,)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        wide = x.float()
        inverse = wide.square().sum(dim=self.axes, keepdim=True).add(self.eps).rsqrt()
        return (wide * inverse * self.weight[:, None, None]).to(x.dtype)


def has_norm(module: nn.Module) -> bool:
    """Whether there is an L2Norm in a network, whose values span a wide range."""
    return any(isinstance(layer, L2Norm) for layer in module.modules())


def map_mean(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c 1 1"]:
    """The mean of each channel over the map, with a gradient that takes no memory: one number for a whole map."""
    if x.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling():
        return _MapMean.apply(x)
    return F.adaptive_avg_pool2d(x, 1)


class _MapMean(torch.autograd.Function):
    """PyTorch's own gradient is written out in another layout than the map, which makes the next addition slow."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        return F.adaptive_avg_pool2d(x, 1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return (gradient / (ctx.shape[2] * ctx.shape[3])).expand(ctx.shape)


class ChannelScale(nn.Module):
    """Multiply each channel by a learned factor and add a learned value, or one of the two (Caffe's Scale and Bias)."""

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, channels: int, *, factors: bool = True, bias: bool = True) -> None:
        super().__init__()
        self.register_parameter("weight", nn.Parameter(torch.ones(channels)) if factors else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(channels)) if bias else None)

    def forward(self, x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b c ..."]:
        shape = (-1, *(1 for _ in x.shape[2:]))
        scaled = x if self.weight is None else x * self.weight.reshape(shape)
        return (scaled if self.bias is None else scaled + self.bias.reshape(shape)).to(x.dtype)


class SamePad(nn.Module):
    """Zeros around a map, as TensorFlow's padding "same" adds them before a strided convolution.

    The output has ceil(side / stride) cells. An odd number of zeros puts one more at the right and at the bottom.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c _ _"]:
        top, bottom = self.zeros(x.shape[-2])
        left, right = self.zeros(x.shape[-1])
        return F.pad(x, (left, right, top, bottom))

    def zeros(self, side: int) -> tuple[int, int]:
        """How many zeros before and after a row or column of that many cells; the second number is never smaller."""
        total = max(0, (-(-side // self.stride) - 1) * self.stride + self.kernel - side)
        return total // 2, total - total // 2


def initialize_xavier(layer: nn.Conv2d) -> None:
    """Caffe's "xavier" filler: weights uniform within ±√(3 / fan_in), bias 0."""
    bound = sqrt(3 / layer.weight[0].numel())
    nn.init.uniform_(layer.weight, -bound, bound)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def initialize_normal(layer: nn.Conv2d, *, deviation: float) -> None:
    """Weights from a normal distribution with mean 0 and this standard deviation, bias 0."""
    nn.init.normal_(layer.weight, std=deviation)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
