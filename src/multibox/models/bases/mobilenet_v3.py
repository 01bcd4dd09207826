"""MobileNetV3-Large as the base of SSDLite (Howard et al., 2019, Table 1 and section 6.3)."""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from multibox.models.bases.config import BaseConfig, BaseNetwork, multiple_of_8
from multibox.models.heads import Extra, lite_extra, lite_extra_layer, lite_predictor
from multibox.models.layers import convolution, initialize_normal, map_mean


class Bneck(NamedTuple):
    """One row of Table 1. `swish` selects hard-swish instead of ReLU; `squeeze` adds squeeze-and-excitation."""

    kernel: int
    expanded: int
    out: int
    squeeze: bool
    swish: bool
    stride: int


# The last three blocks have half the channels of Table 1: the reduced tail that section 6.3 uses for detection.
LARGE = (
    Bneck(3, 16, 16, False, False, 1),
    Bneck(3, 64, 24, False, False, 2),
    Bneck(3, 72, 24, False, False, 1),
    Bneck(5, 72, 40, True, False, 2),
    Bneck(5, 120, 40, True, False, 1),
    Bneck(5, 120, 40, True, False, 1),
    Bneck(3, 240, 80, False, True, 2),
    Bneck(3, 200, 80, False, True, 1),
    Bneck(3, 184, 80, False, True, 1),
    Bneck(3, 184, 80, False, True, 1),
    Bneck(3, 480, 112, True, True, 1),
    Bneck(3, 672, 112, True, True, 1),
    Bneck(5, 672, 80, True, True, 2),
    Bneck(5, 480, 80, True, True, 1),
    Bneck(5, 480, 80, True, True, 1),
)

# The same three blocks as in Table 1, which ImageNet weights have.
FULL_TAIL = (
    Bneck(5, 672, 160, True, True, 2),
    Bneck(5, 960, 160, True, True, 1),
    Bneck(5, 960, 160, True, True, 1),
)

STEM = 16


class SqueezeExcitation(nn.Module):
    """Scale channels by factors computed from the mean of the map (section 5.3), with hard sigmoid.

    The two layers that compute the factors have a quarter of the channels between them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        between = multiple_of_8(channels // 4)
        self.reduce = nn.Conv2d(channels, between, 1)
        self.expand = nn.Conv2d(between, channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        weight = F.relu(self.reduce(map_mean(x)))
        return x * F.hardsigmoid(self.expand(weight))


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a shortcut if input and output have the same shape."""

    def __init__(self, channels: int, row: Bneck) -> None:
        super().__init__()
        activation = nn.Hardswish if row.swish else nn.ReLU
        widens = row.expanded != channels
        self.expand = convolution(channels, row.expanded, activation=activation) if widens else nn.Sequential()
        self.depthwise = convolution(
            row.expanded,
            row.expanded,
            kernel=row.kernel,
            stride=row.stride,
            groups=row.expanded,
            activation=activation,
        )
        self.squeeze = SqueezeExcitation(row.expanded) if row.squeeze else nn.Identity()
        self.project = convolution(row.expanded, row.out)
        self.shortcut = row.stride == 1 and channels == row.out

    def finish(self, expanded: Float[Tensor, "b e h w"], x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        out = self.project(self.squeeze(self.depthwise(expanded)))
        return out + x if self.shortcut else out

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        return self.finish(self.expand(x), x)


@dataclass(frozen=True)
class MobileNetV3Config(BaseConfig):
    """MobileNetV3-Large with the depthwise extra layers and predictors of SSDLite.

    `fine` adds a source of stride 8 for small objects. With `full_tail` the last three blocks have the channels of
    Table 1, as ImageNet weights do; without it they have half of them.
    """

    kind: Literal["mobilenet_v3_large"] = "mobilenet_v3_large"
    fine: bool = False
    full_tail: bool = False
    imagenet_weights: ClassVar[tuple[str, ...]] = ("mobilenet-v3-large-torchvision",)
    imagenet_layers: ClassVar[str] = r"^base\."
    first_layers: ClassVar[str] = r"^base\.(stem|blocks\.[0-2])\."

    @classmethod
    def named(cls) -> "dict[str, BaseConfig]":
        return {"mobilenet_v3_large": cls(fine=True, full_tail=True)}

    @property
    def strides(self) -> tuple[int, ...]:
        return (8, 16, 32) if self.fine else (16, 32)

    @property
    def has_batch_norm(self) -> bool:
        return True

    def build(self) -> "MobileNetV3Large":
        return MobileNetV3Large(fine=self.fine, full_tail=self.full_tail)

    def extra(self, number: int) -> Extra:
        return lite_extra(number)

    def extra_layer(self, channels: int, extra: Extra) -> nn.Module:
        return lite_extra_layer(channels, extra)

    def predictor(self, channels: int, outputs: int) -> nn.Module:
        return lite_predictor(channels, outputs)

    def initialize(self, layer: nn.Conv2d) -> None:
        """As in torchvision's model: normally distributed weights with a standard deviation of 0.03."""
        initialize_normal(layer, deviation=0.03)


class MobileNetV3Large(BaseNetwork):
    """Returns the expansion in the block that reaches stride 32, at stride 16, and the last layer, at stride 32.

    `fine` adds the expansion in the block that reaches stride 16, at stride 8. See MobileNetV3Config for `full_tail`.
    """

    def __init__(self, *, fine: bool = False, full_tail: bool = False) -> None:
        super().__init__()
        rows = (*LARGE[: -len(FULL_TAIL)], *FULL_TAIL) if full_tail else LARGE
        self.stem = convolution(3, STEM, kernel=3, stride=2, activation=nn.Hardswish)
        widths = (STEM, *(row.out for row in rows))
        self.blocks = nn.ModuleList(InvertedResidual(c, row) for c, row in zip(widths, rows, strict=False))
        tail = 6 * rows[-1].out
        self.tail = convolution(rows[-1].out, tail, activation=nn.Hardswish)
        halving = [i for i, row in enumerate(rows) if row.stride == 2]
        self.taps = tuple(halving[-2:] if fine else halving[-1:])
        self.channels = (*(rows[i].expanded for i in self.taps), tail)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        sources = []
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            assert isinstance(block, InvertedResidual)
            expanded = block.expand(x)
            if i in self.taps:
                sources.append(expanded)
            x = block.finish(expanded, x)
        return [*sources, self.tail(x)]
