"""MobileNetV3-Large as the base of SSDLite (Howard et al., 2019, Table 1 and section 6.3; reduced tail)."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


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

# The same three blocks as in Table 1, for weights that were trained on ImageNet.
FULL_TAIL = (
    Bneck(5, 672, 160, True, True, 2),
    Bneck(5, 960, 160, True, True, 1),
    Bneck(5, 960, 160, True, True, 1),
)

STEM = 16


def convolution(
    channels: int,
    out: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
) -> nn.Sequential:
    """Convolution, batch normalization and an activation; keeps the size but for the stride."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, out, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out, eps=0.001, momentum=0.03),
    ]
    return nn.Sequential(*layers, *([activation(inplace=True)] if activation else []))


class SqueezeExcitation(nn.Module):
    """Weighs channels by what the whole map holds (section 5.3): a quarter of the channels between, hard sigmoid."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        between = _multiple_of_8(channels // 4)
        self.reduce = nn.Conv2d(channels, between, 1)
        self.expand = nn.Conv2d(between, channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        weight = F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)))
        return x * F.hardsigmoid(self.expand(weight))


def _multiple_of_8(channels: int) -> int:
    """The nearest multiple of 8, at least 8 and not more than a tenth below."""
    rounded = max(8, (channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a shortcut where nothing changes size."""

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


class MobileNetV3Large(nn.Module):
    """Gives the source maps of SSDLite: the expansion of the block that reaches stride 32, and the last layer.

    `fine` adds the expansion of the block that reaches stride 16, a map of stride 8 for small objects. With `full_tail`
    the last three blocks stay as wide as for ImageNet.
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
