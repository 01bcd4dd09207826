"""SqueezeNet 1.1 (Iandola et al., 2016), with torchvision's structure and layer names, as the base of pytorch-ssd."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseConfig, BaseNetwork
from multibox.models.heads import Extra, separable, separable_extra_layer
from multibox.size import Size

FIRES = ((64, 16, 64), (128, 16, 64), None, (128, 32, 128), (256, 32, 128), None, (256, 48, 192), (384, 48, 192),
         (384, 64, 256), (512, 64, 256))  # fmt: skip
"""Channels of the input, of the squeeze layer and of each expansion; None for pooling."""


@dataclass(frozen=True)
class SqueezeNetConfig(BaseConfig):
    """SqueezeNet 1.1 with the maps of its last two modules, both of stride 16; the second one is not meant to predict.

    The convolutions and poolings have no padding, so the maps have fewer cells than the stride gives.
    """

    kind: Literal["squeezenet"] = "squeezenet"

    @classmethod
    def named(cls) -> "dict[str, BaseConfig]":
        """None: it exists for the weights of pytorch-ssd."""
        return {}

    @property
    def strides(self) -> tuple[int, ...]:
        return (16, 16)

    @property
    def has_batch_norm(self) -> bool:
        return False

    def cells(self, input_size: Size) -> tuple[Size, ...]:
        sides = input_size
        for _ in range(4):
            sides = Size(*((side - 3) // 2 + 1 for side in sides))
        return (sides, sides)

    def build(self) -> "SqueezeNet":
        return SqueezeNet()

    def extra_layer(self, channels: int, extra: Extra) -> nn.Module:
        return separable_extra_layer(channels, extra)

    def predictor(self, channels: int, outputs: int) -> nn.Module:
        return separable(channels, outputs)

    def last_predictor(self, channels: int, outputs: int) -> nn.Module:
        return nn.Conv2d(channels, outputs, 1)


class SqueezeNet(BaseNetwork):
    """`features` holds the stem, eight fire modules and the poolings between them."""

    channels = (512, 512)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2)]
        layers += [nn.MaxPool2d(3, stride=2) if fire is None else Fire(*fire) for fire in FIRES]
        self.features = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        *layers, last = self.features
        for layer in layers:
            x = layer(x)
        return [x, last(x)]


class Fire(nn.Module):
    """A 1 x 1 convolution to few channels, then 1 x 1 and 3 x 3 convolutions side by side (section 3.2)."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        x = self.squeeze_activation(self.squeeze(x))
        narrow, wide = self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))
        return torch.cat([narrow, wide], dim=1)
