"""MobileNetV2 (Sandler et al., CVPR 2018, Table 2), with the structure and the layer names of torchvision's model."""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseConfig, BaseNetwork, laterals_fault, multiple_of_8, width_fault
from multibox.models.heads import Extra, lite_extra, lite_extra_layer, lite_predictor
from multibox.models.layers import initialize_normal

STEM, TAIL = 32, 1280


class Stage(NamedTuple):
    """One row of Table 2: `blocks` inverted residual blocks; the first one has the stride."""

    expansion: int
    out: int
    blocks: int
    stride: int


STAGES = (
    Stage(1, 16, 1, 1),
    Stage(6, 24, 2, 2),
    Stage(6, 32, 3, 2),
    Stage(6, 64, 4, 2),
    Stage(6, 96, 3, 1),
    Stage(6, 160, 3, 2),
    Stage(6, 320, 1, 1),
)


@dataclass(frozen=True)
class MobileNetV2Config(BaseConfig):
    """MobileNetV2 with the sources of SSDLite (section 6.2), and a finer one.

    The sources are the expansions in the blocks that reach stride 16 (`fine`, at stride 8) and stride 32 (at stride
    16), and the last layer, at stride 32. `laterals` passes each through a 1 x 1 convolution with batch normalization
    and ReLU6 to that many channels; empty to predict from the sources themselves. `added` selects the
    extra layers and predictors: "plain" convolutions, depthwise ones as in SSDLite ("lite"), or the depthwise ones of
    pytorch-ssd, whose extra layers have no activation at their end. `width` scales all channels.
    """

    kind: Literal["mobilenet_v2"] = "mobilenet_v2"
    width: float = 1.0
    fine: bool = True
    laterals: tuple[int, ...] = (128, 192, 256)
    added: Literal["plain", "lite", "pytorch-ssd-lite"] = "plain"
    imagenet_weights: ClassVar[tuple[str, ...]] = (
        "mobilenet-v2-torchvision",
        "mobilenet-v2-torchvision-2",
        "mobilenet-v2-deep-sort",
    )
    imagenet_layers: ClassVar[str] = r"^base\.features\."
    first_layers: ClassVar[str] = r"^base\.features\.[0-3]\."

    @property
    def strides(self) -> tuple[int, ...]:
        return (8, 16, 32) if self.fine else (16, 32)

    @property
    def has_batch_norm(self) -> bool:
        return True

    def fault(self) -> str | None:
        return width_fault(self.width, narrowest=8) or laterals_fault(self.laterals, sources=len(self.strides))

    def build(self) -> "MobileNetV2":
        return MobileNetV2(width=self.width, fine=self.fine, laterals=self.laterals)

    def extra(self, number: int) -> Extra:
        return Extra(128, 256) if self.added == "plain" else lite_extra(number)

    def extra_layer(self, channels: int, extra: Extra) -> nn.Module:
        if self.added == "pytorch-ssd-lite":
            return _linear_extra_layer(channels, extra)
        return lite_extra_layer(channels, extra) if self.added == "lite" else super().extra_layer(channels, extra)

    def predictor(self, channels: int, outputs: int) -> nn.Module:
        if self.added == "pytorch-ssd-lite":
            return _normalized_predictor(channels, outputs)
        return lite_predictor(channels, outputs) if self.added == "lite" else super().predictor(channels, outputs)

    def last_predictor(self, channels: int, outputs: int) -> nn.Module:
        if self.added == "pytorch-ssd-lite":
            return nn.Conv2d(channels, outputs, 1)
        return self.predictor(channels, outputs)

    def initialize(self, layer: nn.Conv2d) -> None:
        """Normally distributed weights with a standard deviation of 0.01, for layers that start without ImageNet."""
        initialize_normal(layer, deviation=0.01)


class MobileNetV2(BaseNetwork):
    """`features` holds the stem, 17 blocks and the last layer; see MobileNetV2Config for the sources."""

    def __init__(self, *, width: float = 1.0, fine: bool = True, laterals: tuple[int, ...] = ()) -> None:
        super().__init__()
        channels = multiple_of_8(STEM * width)
        layers: list[nn.Module] = [_convolution(3, channels, kernel=3, stride=2)]
        taps, widths = [], []
        for row in STAGES:
            out = multiple_of_8(row.out * width)
            for number in range(row.blocks):
                stride = row.stride if number == 0 else 1
                if stride == 2:
                    taps.append(len(layers))
                    widths.append(channels * row.expansion)
                layers.append(InvertedResidual(channels, out, stride=stride, expansion=row.expansion))
                channels = out
        tail = multiple_of_8(TAIL * max(width, 1.0))
        layers.append(_convolution(channels, tail))
        self.features = nn.Sequential(*layers)
        first = -2 if fine else -1
        self.taps = tuple(taps[first:])
        outs = (*widths[first:], tail)
        pairs = zip(outs, laterals, strict=True) if laterals else ()
        self.laterals = nn.ModuleList(_convolution(inside, out) for inside, out in pairs)
        self.channels = laterals or outs

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        sources = []
        for number, layer in enumerate(self.features):
            if number in self.taps:
                assert isinstance(layer, InvertedResidual)
                expanded = layer.conv[0](x)
                sources.append(expanded)
                x = layer.finish(expanded)
            else:
                x = layer(x)
        sources.append(x)
        if not len(self.laterals):
            return sources
        return [lateral(source) for lateral, source in zip(self.laterals, sources, strict=True)]


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project without activation; with a shortcut if the shape stays the same.

    Without expansion the filter comes first.
    """

    def __init__(self, channels: int, out: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.conv = nn.Sequential(
            *([_convolution(channels, wide)] if expansion != 1 else []),
            _convolution(wide, wide, kernel=3, stride=stride, groups=wide),
            nn.Conv2d(wide, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.shortcut = stride == 1 and channels == out

    def finish(self, expanded: Float[Tensor, "b e h w"]) -> Float[Tensor, "b d _ _"]:
        """The block that reduces the map, from its expansion; such a block has no shortcut."""
        x = expanded
        for layer in list(self.conv)[1:]:
            x = layer(x)
        return x

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        out = self.conv(x)
        return out + x if self.shortcut else out


def _convolution(channels: int, out: int, *, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU6(inplace=True),
    )


def _linear_extra_layer(channels: int, extra: Extra) -> nn.Sequential:
    """The layers of an inverted residual that reduces its channels, one after another."""
    squeeze, kernel, stride, padding = extra.squeeze, extra.kernel, extra.stride, extra.padding
    return nn.Sequential(
        *_convolution(channels, squeeze),
        nn.Conv2d(squeeze, squeeze, kernel, stride=stride, padding=padding, groups=squeeze, bias=False),
        nn.BatchNorm2d(squeeze),
        nn.ReLU6(inplace=True),
        nn.Conv2d(squeeze, extra.out, 1, bias=False),
        nn.BatchNorm2d(extra.out),
    )


def _normalized_predictor(channels: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
        nn.BatchNorm2d(channels),
        nn.ReLU6(inplace=True),
        nn.Conv2d(channels, outputs, 1),
    )
