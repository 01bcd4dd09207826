"""Layers that take several maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.graph.layers.layer import Layer, Shape, require, require_axis, within


@dataclass(frozen=True)
class Concat(Layer):
    """Maps one after the other along an axis."""

    axis: int = 1
    kind: Literal["concat"] = "concat"
    inputs: ClassVar[int | None] = None

    def shape(self, *given: Shape) -> Shape:
        first, at = given[0], self.axis - 1
        require_axis(self.axis, first)
        for other in given:
            same = len(other) == len(first) and other[:at] + other[self.axis :] == first[:at] + first[self.axis :]
            require(same, f"its inputs have shapes {first} and {other}, which differ outside axis {self.axis}")
        return (*first[:at], sum(other[at] for other in given), *first[self.axis :])

    def build(self) -> nn.Module:
        return _Concat(self.axis)


class _Concat(nn.Module):
    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *maps: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return torch.cat(maps, dim=self.axis)


@dataclass(frozen=True)
class Eltwise(Layer):
    """Sum, product or maximum of maps of one shape; a sum can have a coefficient for each map."""

    operation: Literal["sum", "product", "max"] = "sum"
    coefficients: tuple[float, ...] = ()
    kind: Literal["eltwise"] = "eltwise"
    inputs: ClassVar[int | None] = None

    def shape(self, *given: Shape) -> Shape:
        for other in given:
            require(other == given[0], f"its inputs have different shapes, {given[0]} and {other}")
        if self.coefficients:
            require(self.operation == "sum", f"it has coefficients, and its operation is {self.operation}")
            fits = len(self.coefficients) == len(given)
            require(fits, f"it has {len(self.coefficients)} coefficients for {len(given)} inputs")
        for value in self.coefficients:
            within("coefficients", value, -1e6, 1e6)
        return given[0]

    def build(self) -> nn.Module:
        return _Eltwise(self)


class _Eltwise(nn.Module):
    def __init__(self, layer: Eltwise) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *maps: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        if self.layer.operation == "sum":
            return reduce(torch.add, _weighted(maps, self.layer.coefficients))
        return reduce(torch.mul if self.layer.operation == "product" else torch.maximum, maps)


def _weighted(maps: Sequence[Tensor], coefficients: Sequence[float]) -> list[Tensor]:
    return [x if c == 1 else x * c for x, c in zip(maps, coefficients or [1.0] * len(maps), strict=True)]


@dataclass(frozen=True)
class Broadcast(Layer):
    """The first map times or plus the second one, whose axes are the first of the other's: (C,) for (C, H, W)."""

    operation: Literal["multiply", "add"]
    kind: Literal["broadcast"] = "broadcast"
    inputs: ClassVar[int | None] = 2

    def shape(self, *given: Shape) -> Shape:
        first, second = given
        fits = first[: len(second)] == second
        require(fits, f"its inputs have shapes {first} and {second}, and the second has to be the start of the first")
        return first

    def build(self) -> nn.Module:
        return _Broadcast(self)


class _Broadcast(nn.Module):
    def __init__(self, layer: Broadcast) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Float[Tensor, "b ..."], y: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        y = y.reshape(*y.shape, *(1 for _ in range(x.ndim - y.ndim)))
        return x * y if self.layer.operation == "multiply" else x + y
