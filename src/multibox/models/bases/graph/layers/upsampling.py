"""A larger map from a smaller one, as feature pyramids need it."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from multibox.models.bases.graph.layers.layer import Layer, Pair, Shape, require_map, within

MAX_FACTOR = 64


@dataclass(frozen=True)
class Upsample(Layer):
    """Repeats each row `factor[0]` times and each column `factor[1]` times."""

    factor: Pair
    kind: Literal["upsample"] = "upsample"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require_map(source)
        for number in self.factor:
            within("factor", number, 1, MAX_FACTOR)
        return (source[0], source[1] * self.factor[0], source[2] * self.factor[1])

    def build(self) -> nn.Upsample:
        return nn.Upsample(scale_factor=(float(self.factor[0]), float(self.factor[1])), mode="nearest")
