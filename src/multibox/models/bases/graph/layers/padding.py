"""A margin around a map."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from multibox.models.bases.graph.layers.layer import MAX_KERNEL, Layer, Pair, Shape, require_map, within


@dataclass(frozen=True)
class Pad(Layer):
    """Adds `rows` above and below a map and `columns` left and right of it, with one value.

    A convolution pads by itself where both sides get the same; TensorFlow's padding "same" often adds one more after.
    """

    rows: Pair
    columns: Pair
    value: float = 0.0
    kind: Literal["pad"] = "pad"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require_map(source)
        for name, pair in (("rows", self.rows), ("columns", self.columns)):
            for size in pair:
                within(name, size, 0, MAX_KERNEL)
        within("value", self.value, -3.4e38, 3.4e38)
        return (source[0], source[1] + sum(self.rows), source[2] + sum(self.columns))

    def build(self) -> nn.ConstantPad2d:
        return nn.ConstantPad2d((*self.columns, *self.rows), self.value)
