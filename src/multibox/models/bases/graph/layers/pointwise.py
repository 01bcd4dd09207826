"""Layers without learned values that keep the shape."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.graph.layers.layer import Layer, Shape, require_axis, within

Function = Literal["relu", "relu6", "sigmoid", "tanh", "hard_swish"]

_FUNCTIONS: dict[Function, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "hard_swish": nn.Hardswish,
}


@dataclass(frozen=True)
class Activation(Layer):
    """An activation function without parameters."""

    function: Function
    kind: Literal["activation"] = "activation"

    def shape(self, *given: Shape) -> Shape:
        return given[0]

    def build(self) -> nn.Module:
        return _FUNCTIONS[self.function]()


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """A ReLU that multiplies negative values by `slope`."""

    slope: float
    kind: Literal["leaky_relu"] = "leaky_relu"

    def shape(self, *given: Shape) -> Shape:
        within("slope", self.slope, -100, 100)
        return given[0]

    def build(self) -> nn.LeakyReLU:
        return nn.LeakyReLU(self.slope)


@dataclass(frozen=True)
class ELU(Layer):
    """x for positive values, alpha (e^x - 1) for others."""

    alpha: float = 1.0
    kind: Literal["elu"] = "elu"

    def shape(self, *given: Shape) -> Shape:
        within("alpha", self.alpha, 0, 1000)
        return given[0]

    def build(self) -> nn.ELU:
        return nn.ELU(self.alpha)


@dataclass(frozen=True)
class Softmax(Layer):
    """Softmax over an axis."""

    axis: int = 1
    kind: Literal["softmax"] = "softmax"

    def shape(self, *given: Shape) -> Shape:
        require_axis(self.axis, given[0])
        return given[0]

    def build(self) -> nn.Softmax:
        return nn.Softmax(self.axis)


@dataclass(frozen=True)
class Dropout(Layer):
    """Zeros at random in training, with this probability; nothing in detection."""

    probability: float = 0.5
    kind: Literal["dropout"] = "dropout"

    def shape(self, *given: Shape) -> Shape:
        within("probability", self.probability, 0, 0.999)
        return given[0]

    def build(self) -> nn.Dropout:
        return nn.Dropout(self.probability)


@dataclass(frozen=True)
class Power(Layer):
    """(shift + scale x) to the power of `power`."""

    power: float = 1.0
    scale: float = 1.0
    shift: float = 0.0
    kind: Literal["power"] = "power"

    def shape(self, *given: Shape) -> Shape:
        for name, value in (("power", self.power), ("scale", self.scale), ("shift", self.shift)):
            within(name, value, -1e6, 1e6)
        return given[0]

    def build(self) -> nn.Module:
        return _Power(self)


class _Power(nn.Module):
    def __init__(self, layer: Power) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        layer = self.layer
        moved = x if (layer.scale, layer.shift) == (1, 0) else x * layer.scale + layer.shift
        return moved if layer.power == 1 else moved.pow(layer.power)
