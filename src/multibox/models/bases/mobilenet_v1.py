"""MobileNet (Howard et al., 2017, Table 1): a stem and 13 depthwise separable blocks."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseConfig, BaseNetwork, multiple_of_8, width_fault
from multibox.models.heads import (
    Extra,
    extra_layer,
    lite_extra,
    lite_extra_layer,
    lite_predictor,
    predictor,
    separable,
    separable_extra_layer,
)
from multibox.models.layers import initialize_normal

STEM = 32
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)
"""Output channels and stride of each block."""

STRIDE_8, STRIDE_16 = 5, 11
"""Positions of the last layers with these strides among the stem and the blocks."""


@dataclass(frozen=True)
class MobileNetV1Config(BaseConfig):
    """MobileNet with the last maps of stride 16 and 32 as sources, as in its detectors, and with `fine` that of 8.

    `added` selects the extra layers and predictors: "plain" convolutions; depthwise ones as in SSDLite ("lite"); or
    those of pytorch-ssd, which have no batch normalization ("pytorch-ssd" and "pytorch-ssd-lite"). `width` scales all
    channels.
    """

    kind: Literal["mobilenet_v1"] = "mobilenet_v1"
    width: float = 1.0
    fine: bool = True
    added: Literal["plain", "lite", "pytorch-ssd", "pytorch-ssd-lite"] = "plain"
    imagenet_weights: ClassVar[tuple[str, ...]] = ("mobilenet-v1-qfgaohao",)
    imagenet_layers: ClassVar[str] = r"^base\.features\."
    first_layers: ClassVar[str] = r"^base\.features\.[0-3]\."

    @property
    def strides(self) -> tuple[int, ...]:
        return (8, 16, 32) if self.fine else (16, 32)

    @property
    def has_batch_norm(self) -> bool:
        return True

    def fault(self) -> str | None:
        return width_fault(self.width, narrowest=8)

    def build(self) -> "MobileNetV1":
        return MobileNetV1(width=self.width, fine=self.fine)

    def extra(self, number: int) -> Extra:
        return lite_extra(number) if self.added == "lite" else super().extra(number)

    def extra_layer(self, channels: int, extra: Extra) -> nn.Module:
        if self.added == "lite":
            return lite_extra_layer(channels, extra)
        if self.added == "pytorch-ssd-lite":
            return separable_extra_layer(channels, extra)
        return extra_layer(channels, extra, batch_norm=self.added == "plain")

    def predictor(self, channels: int, outputs: int) -> nn.Module:
        if self.added == "lite":
            return lite_predictor(channels, outputs)
        return separable(channels, outputs) if self.added == "pytorch-ssd-lite" else predictor(channels, outputs)

    def last_predictor(self, channels: int, outputs: int) -> nn.Module:
        if self.added == "pytorch-ssd-lite":
            return nn.Conv2d(channels, outputs, 1)
        return self.predictor(channels, outputs)

    def initialize(self, layer: nn.Conv2d) -> None:
        """Normally distributed weights with a standard deviation of 0.01, for layers that start without ImageNet."""
        initialize_normal(layer, deviation=0.01)


class MobileNetV1(BaseNetwork):
    """`features` holds the stem and the blocks; see MobileNetV1Config for the sources."""

    def __init__(self, *, width: float = 1.0, fine: bool = True) -> None:
        super().__init__()
        channels = multiple_of_8(STEM * width)
        layers = [nn.Sequential(*mobilenet_convolution(3, channels, kernel=3, stride=2))]
        outs = [channels]
        for full, stride in BLOCKS:
            out = multiple_of_8(full * width)
            depthwise = mobilenet_convolution(channels, channels, kernel=3, stride=stride, groups=channels)
            layers.append(nn.Sequential(*depthwise, *mobilenet_convolution(channels, out)))
            channels = out
            outs.append(channels)
        self.features = nn.Sequential(*layers)
        self.taps = ((STRIDE_8,) if fine else ()) + (STRIDE_16, len(BLOCKS))
        self.channels = tuple(outs[tap] for tap in self.taps)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        sources = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.taps:
                sources.append(x)
        return sources


def mobilenet_convolution(
    channels: int, out: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution without bias, batch normalization and ReLU."""
    return [
        nn.Conv2d(channels, out, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    ]
