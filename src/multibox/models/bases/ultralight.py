"""The base of Linzaer's Ultra-Light-Fast-Generic-Face-Detector: a narrow MobileNet, with or without an RFB module.

RFB: receptive field block (Liu et al., ECCV 2018).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseConfig, BaseNetwork
from multibox.models.bases.mobilenet_v1 import mobilenet_convolution
from multibox.models.heads import Extra, predictor, separable, separable_extra_layer

STEM = 16
BLOCKS = ((32, 1), (32, 2), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1), (128, 2), (128, 1), (128, 1), (256, 2),
          (256, 1))  # fmt: skip
"""Output channels and stride of each block."""

RFB_AT, TAPS = 7, (7, 10, 12)
"""Positions, among the stem and the blocks, of the block that the RFB module replaces, and of the sources."""


@dataclass(frozen=True)
class UltralightConfig(BaseConfig):
    """The "slim" network, or with `rfb` the "RFB" network; sources of stride 8, 16 and 32."""

    kind: Literal["ultralight"] = "ultralight"
    rfb: bool = True

    @classmethod
    def named(cls) -> "dict[str, BaseConfig]":
        """None: it exists for the weights of the face detectors."""
        return {}

    @property
    def strides(self) -> tuple[int, ...]:
        return (8, 16, 32)

    @property
    def has_batch_norm(self) -> bool:
        return True

    def build(self) -> "Ultralight":
        return Ultralight(rfb=self.rfb)

    def extra_layer(self, channels: int, extra: Extra) -> nn.Module:
        return nn.Sequential(*separable_extra_layer(channels, extra), nn.ReLU(inplace=True))

    def predictor(self, channels: int, outputs: int) -> nn.Module:
        return separable(channels, outputs)

    def last_predictor(self, channels: int, outputs: int) -> nn.Module:
        return predictor(channels, outputs)


class Ultralight(BaseNetwork):
    """`features` holds the stem and the blocks."""

    channels = (64, 128, 256)

    def __init__(self, *, rfb: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Sequential(*mobilenet_convolution(3, STEM, kernel=3, stride=2))]
        channels = STEM
        for position, (out, stride) in enumerate(BLOCKS, start=1):
            depthwise = mobilenet_convolution(channels, channels, kernel=3, stride=stride, groups=channels)
            block = nn.Sequential(*depthwise, *mobilenet_convolution(channels, out))
            layers.append(ReceptiveField(channels) if rfb and position == RFB_AT else block)
            channels = out
        self.features = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        sources = []
        for position, layer in enumerate(self.features):
            x = layer(x)
            if position in TAPS:
                sources.append(x)
        return sources


class ReceptiveField(nn.Module):
    """Three branches with dilations 2, 3 and 5 side by side, a 1 x 1 convolution, and a convolved shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        few = channels // 8
        self.branch0 = nn.Sequential(*_entrance(channels, few, 2 * few), _Convolution(2 * few, 2 * few, dilation=2))
        self.branch1 = nn.Sequential(*_entrance(channels, few, 2 * few), _Convolution(2 * few, 2 * few, dilation=3))
        between = few // 2 * 3
        self.branch2 = nn.Sequential(
            *_entrance(channels, few, between),
            _Convolution(between, 2 * few, activation=True),
            _Convolution(2 * few, 2 * few, dilation=5),
        )
        self.ConvLinear = _Convolution(6 * few, channels, kernel=1)
        self.shortcut = _Convolution(channels, channels, kernel=1)
        self.relu = nn.ReLU()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        out = self.ConvLinear(torch.cat([self.branch0(x), self.branch1(x), self.branch2(x)], dim=1))
        return self.relu(out + self.shortcut(x))


class _Convolution(nn.Module):
    """A convolution, batch normalization, and ReLU if there is an `activation`."""

    def __init__(
        self, channels: int, out: int, *, kernel: int = 3, dilation: int = 1, activation: bool = False
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(channels, out, kernel, padding=padding, dilation=dilation, bias=False)
        self.bn = nn.BatchNorm2d(out, momentum=0.01)
        self.relu = nn.ReLU(inplace=True) if activation else nn.Identity()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        return self.relu(self.bn(self.conv(x)))


def _entrance(channels: int, few: int, out: int) -> tuple[nn.Module, nn.Module]:
    return _Convolution(channels, few, kernel=1), _Convolution(few, out, activation=True)
