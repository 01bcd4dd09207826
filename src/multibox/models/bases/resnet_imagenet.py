"""ResNet-18, 34, 50 and 101 (He et al., CVPR 2016, Table 1), with the structure and layer names of torchvision.

In the bottleneck blocks the 3 x 3 convolution has the stride, not the first 1 x 1 convolution as in the paper.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseConfig, BaseNetwork
from multibox.models.layers import initialize_normal

STEM = 64
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Residual blocks of the four stages."""

BOTTLENECK = (50, 101)
"""Depths whose blocks are bottlenecks."""


@dataclass(frozen=True)
class ResNetImageNetConfig(BaseConfig):
    """ResNet of this `depth` with the sources conv3_x, conv4_x and conv5_x, of stride 8, 16 and 32."""

    kind: Literal["resnet_imagenet"] = "resnet_imagenet"
    depth: Literal[18, 34, 50, 101] = 50
    imagenet_layers: ClassVar[str] = r"^base\.(conv1|bn1|layer\d)\."
    first_layers: ClassVar[str] = r"^base\.(conv1|bn1|layer1)\."
    imagenet_weights: ClassVar[tuple[str, ...]] = (
        "resnet18-torchvision",
        "resnet34-torchvision",
        "resnet50-torchvision",
        "resnet50-torchvision-2",
        "resnet101-torchvision",
        "resnet101-torchvision-2",
    )

    @property
    def usual_weights(self) -> str:
        return f"resnet{self.depth}-torchvision"

    @classmethod
    def named(cls) -> "dict[str, BaseConfig]":
        return {f"resnet{depth}": cls(depth=depth) for depth in (18, 34, 50, 101)}

    @property
    def strides(self) -> tuple[int, ...]:
        return (8, 16, 32)

    @property
    def has_batch_norm(self) -> bool:
        return True

    def build(self) -> "ResNetImageNet":
        return ResNetImageNet(BLOCKS[self.depth], bottleneck=self.depth in BOTTLENECK)

    def initialize(self, layer: nn.Conv2d) -> None:
        """Normally distributed weights with a standard deviation of 0.01, for layers that start without ImageNet."""
        initialize_normal(layer, deviation=0.01)


class ResNetImageNet(BaseNetwork):
    """Stem and four stages of stride 4, 8, 16 and 32. Returns the maps of the last three."""

    def __init__(self, blocks: tuple[int, ...], *, bottleneck: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, STEM, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        block = Bottleneck if bottleneck else BasicBlock
        channels, outs = STEM, []
        for number, count in enumerate(blocks):
            inside = STEM * 2**number
            layers = [block(channels, inside, stride=1 if number == 0 else 2)]
            channels = inside * block.expansion
            layers += [block(channels, inside, stride=1) for _ in range(count - 1)]
            self.add_module(f"layer{number + 1}", nn.Sequential(*layers))
            outs.append(channels)
        self.channels = tuple(outs[1:])

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.get_submodule("layer1")(x)
        sources = []
        for name in ("layer2", "layer3", "layer4"):
            x = self.get_submodule(name)(x)
            sources.append(x)
        return sources


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut (Figure 5 left); `downsample` is the shortcut if the shape changes."""

    expansion = 1

    def __init__(self, channels: int, inside: int, *, stride: int) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)  # before the convolutions: it follows the sum, not the last of them
        self.conv1 = nn.Conv2d(channels, inside, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(inside, inside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.downsample = _shortcut(channels, inside, stride=stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + self.downsample(x))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions and a shortcut (Figure 5 right); the last has four times the channels."""

    expansion = 4

    def __init__(self, channels: int, inside: int, *, stride: int) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)  # as in BasicBlock
        self.conv1 = nn.Conv2d(channels, inside, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(inside, inside, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inside)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(inside, inside * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(inside * self.expansion)
        self.downsample = _shortcut(channels, inside * self.expansion, stride=stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + self.downsample(x))


def _shortcut(channels: int, out: int, *, stride: int) -> nn.Module:
    if stride == 1 and channels == out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))
