"""Layers that select or rearrange values."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.graph.layers.layer import Layer, Shape, require, require_axis


@dataclass(frozen=True)
class Slice(Layer):
    """The values from `start` to before `stop` along an axis."""

    axis: int
    start: int
    stop: int
    kind: Literal["slice"] = "slice"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require_axis(self.axis, source)
        size = source[self.axis - 1]
        fits = 0 <= self.start < self.stop <= size
        require(fits, f"it takes {self.start} to {self.stop} of {size} values along axis {self.axis}")
        return (*source[: self.axis - 1], self.stop - self.start, *source[self.axis :])

    def build(self) -> nn.Module:
        return _Slice(self)


class _Slice(nn.Module):
    def __init__(self, layer: Slice) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return x.narrow(self.layer.axis, self.layer.start, self.layer.stop - self.layer.start)


@dataclass(frozen=True)
class Crop(Layer):
    """The part of the first map, from `offsets` on, that has the second one's sides, for all axes from `axis` on."""

    axis: int
    offsets: tuple[int, ...]
    kind: Literal["crop"] = "crop"
    inputs: ClassVar[int | None] = 2

    def shape(self, *given: Shape) -> Shape:
        first, second = given
        require_axis(self.axis, first)
        require(len(first) == len(second), f"its inputs have shapes {first} and {second}, with unequal numbers of axes")
        at = self.axis - 1
        require(len(self.offsets) == len(first) - at, f"it has {len(self.offsets)} offsets for {len(first) - at} axes")
        for offset, wanted, side in zip(self.offsets, second[at:], first[at:], strict=True):
            require(0 <= offset <= side - wanted, f"it takes {wanted} values from {offset} on, of {side}")
        return (*first[:at], *second[at:])

    def build(self) -> nn.Module:
        return _Crop(self)


class _Crop(nn.Module):
    def __init__(self, layer: Crop) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Float[Tensor, "b ..."], like: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        for axis, offset in enumerate(self.layer.offsets, start=self.layer.axis):
            x = x.narrow(axis, offset, like.shape[axis])
        return x


@dataclass(frozen=True)
class SelectChannels(Layer):
    """Channels in another order, for example of the colors."""

    channels: tuple[int, ...]
    kind: Literal["select_channels"] = "select_channels"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require(1 <= len(self.channels) <= 4096, f"it selects {len(self.channels)} channels")
        require(source, "its input has no channels")
        for channel in self.channels:
            require(0 <= channel < source[0], f"it selects channel {channel} of {source[0]}")
        return (len(self.channels), *source[1:])

    def build(self) -> nn.Module:
        return _SelectChannels(self.channels)


class _SelectChannels(nn.Module):
    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = list(channels)

    def forward(self, x: Float[Tensor, "b c ..."]) -> Float[Tensor, "b d ..."]:
        return x[:, self.channels]


@dataclass(frozen=True)
class Permute(Layer):
    """The axes in another order; the batch stays first."""

    order: tuple[int, ...]
    kind: Literal["permute"] = "permute"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        wanted = list(range(len(source) + 1))
        fits = sorted(self.order) == wanted and self.order[0] == 0
        require(fits, f"order is {list(self.order)}, it must be an order of {wanted} that begins with 0")
        return tuple(source[axis - 1] for axis in self.order[1:])

    def build(self) -> nn.Module:
        return _Permute(self.order)


class _Permute(nn.Module):
    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return x.permute(self.order)


@dataclass(frozen=True)
class Reshape(Layer):
    """The values of each image in another shape, in which one side can be -1: as long as needed."""

    sides: tuple[int, ...]
    kind: Literal["reshape"] = "reshape"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require(1 <= len(self.sides) <= 8, f"it has {len(self.sides)} sides, 1 to 8 are allowed")
        require(all(side >= 1 or side == -1 for side in self.sides), f"sides are {list(self.sides)}")
        require(self.sides.count(-1) <= 1, f"sides are {list(self.sides)}, only one can be -1")
        known = prod(side for side in self.sides if side > 0)
        missing = prod(source) // known
        found = tuple(missing if side == -1 else side for side in self.sides)
        require(prod(found) == prod(source) > 0, f"it makes {list(self.sides)} of shape {source}")
        return found

    def build(self) -> nn.Module:
        return _Reshape(self.sides)


class _Reshape(nn.Module):
    def __init__(self, sides: tuple[int, ...]) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return x.reshape(x.shape[0], *self.sides)


@dataclass(frozen=True)
class Flatten(Layer):
    """The axes from `start` to `end`, inclusive, joined to one."""

    start: int
    end: int
    kind: Literal["flatten"] = "flatten"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require(1 <= self.start <= self.end <= len(source), f"it joins axes {self.start} to {self.end} of {source}")
        return (*source[: self.start - 1], prod(source[self.start - 1 : self.end]), *source[self.end :])

    def build(self) -> nn.Module:
        return nn.Flatten(self.start, self.end)
