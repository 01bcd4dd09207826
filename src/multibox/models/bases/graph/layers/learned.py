"""Layers that hold learned values: convolutions, matrices, normalization, scaling."""

from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.graph.layers.layer import (
    MAX_CHANNELS,
    MAX_KERNEL,
    Layer,
    Pair,
    Shape,
    require,
    require_map,
    within,
)
from multibox.models.layers import ChannelScale, L2Norm


@dataclass(frozen=True)
class _Window(Layer):
    """What both kinds of convolution have, from `channels` to `out` channels; pairs are (height, width)."""

    channels: int
    out: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = True

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        check_kernel(self, source)
        extents = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        sides = zip(source[1:], extents, self.padding, self.stride, strict=True)
        return (self.out, *(self.side(side, extent, padding, stride) for side, extent, padding, stride in sides))

    def side(self, side: int, extent: int, padding: int, stride: int) -> int:
        """Height or width of the output; `extent` is what a dilated kernel covers."""
        raise NotImplementedError

    def build_as(self, layer: type[nn.Conv2d | nn.ConvTranspose2d]) -> nn.Module:
        return layer(
            self.channels,
            self.out,
            self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            bias=self.bias,
        )

    def work(self, output: Shape) -> int:
        return prod(output) * prod(self.kernel) * (self.channels // self.groups)


@dataclass(frozen=True)
class Convolution(_Window):
    """A convolution."""

    kind: Literal["convolution"] = "convolution"

    def side(self, side: int, extent: int, padding: int, stride: int) -> int:
        return (side + 2 * padding - extent) // stride + 1

    def build(self) -> nn.Module:
        return self.build_as(nn.Conv2d)


@dataclass(frozen=True)
class Deconvolution(_Window):
    """A transposed convolution; the values are those of the convolution whose gradient it is."""

    kind: Literal["deconvolution"] = "deconvolution"

    def side(self, side: int, extent: int, padding: int, stride: int) -> int:
        return stride * (side - 1) + extent - 2 * padding

    def build(self) -> nn.Module:
        return self.build_as(nn.ConvTranspose2d)


@dataclass(frozen=True)
class Linear(Layer):
    """A matrix times the flattened input, plus a bias."""

    values: int
    out: int
    bias: bool = True
    kind: Literal["linear"] = "linear"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        within("out", self.out, 1, MAX_CHANNELS)
        require(prod(source) == self.values, f"values is {self.values}, but its input has {prod(source)} values")
        return (self.out,)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(self.values, self.out, bias=self.bias))

    def work(self, output: Shape) -> int:
        return prod(output) * self.values


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalization over the channels."""

    channels: int
    eps: float = 1e-5
    kind: Literal["batch_norm"] = "batch_norm"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require_map(source)
        check_channels(self.channels, source)
        within("eps", self.eps, 0, 1)
        return source

    def build(self) -> nn.BatchNorm2d:
        return nn.BatchNorm2d(self.channels, eps=self.eps)


@dataclass(frozen=True)
class Scale(Layer):
    """A factor and a summand for each channel; `factors` and `bias` say which of them it has."""

    channels: int
    factors: bool = True
    bias: bool = True
    kind: Literal["scale"] = "scale"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        check_channels(self.channels, source)
        require(self.factors or self.bias, "it has neither factors nor a bias")
        return source

    def build(self) -> ChannelScale:
        return ChannelScale(self.channels, factors=self.factors, bias=self.bias)


@dataclass(frozen=True)
class Normalize(Layer):
    """Unit length at each position, or of the whole map (`across_spatial`), times learned factors.

    `factors` is the number of channels, or 1 for a factor that all channels share.
    """

    factors: int
    across_spatial: bool = False
    eps: float = 1e-10
    kind: Literal["normalize"] = "normalize"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require_map(source)
        if self.factors != 1:
            check_channels(self.factors, source)
        within("eps", self.eps, 1e-30, 1)
        return source

    def build(self) -> L2Norm:
        return L2Norm(self.factors, eps=self.eps, across_spatial=self.across_spatial)


@dataclass(frozen=True)
class PReLU(Layer):
    """A ReLU with a learned slope for negative values: one for each channel, or 1 for all."""

    slopes: int
    kind: Literal["prelu"] = "prelu"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        if self.slopes != 1:
            check_channels(self.slopes, source)
        return source

    def build(self) -> nn.PReLU:
        return nn.PReLU(self.slopes)


def check_channels(channels: int, source: Shape) -> None:
    """Raise MisfitError if the input has another number of channels."""
    within("channels", channels, 1, MAX_CHANNELS)
    require(source[:1] == (channels,), f"it is for {channels} channels, but its input has shape {source}")


def check_kernel(layer: _Window, source: Shape) -> None:
    """Raise MisfitError if a number of a convolution is out of range, or does not fit its input."""
    require_map(source)
    check_channels(layer.channels, source)
    within("out", layer.out, 1, MAX_CHANNELS)
    for name, (low, pair) in {
        "kernel": (1, layer.kernel),
        "stride": (1, layer.stride),
        "padding": (0, layer.padding),
        "dilation": (1, layer.dilation),
    }.items():
        for value in pair:
            within(name, value, low, MAX_KERNEL)
    within("groups", layer.groups, 1, layer.channels)
    both = layer.channels % layer.groups == 0 and layer.out % layer.groups == 0
    require(both, f"groups is {layer.groups}, which does not divide {layer.channels} and {layer.out} channels")


@torch.no_grad()
def identity_convolution(channels: int) -> Float[Tensor, "c c 1 1"]:
    """Weights of a convolution that returns its input."""
    return torch.eye(channels)[:, :, None, None]
