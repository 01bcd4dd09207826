"""EfficientNet-Lite: MobileNetV2 blocks scaled in width and depth, without squeeze-and-excitation.

Tan and Le, "EfficientNet" (ICML 2019), Table 1, with the changes of the Lite models of tensorflow/tpu: ReLU6, no
squeeze-and-excitation, and a stem and first and last stages that keep their size in every model.
"""

from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseConfig, BaseNetwork, laterals_fault, multiple_of_8
from multibox.models.heads import Extra
from multibox.models.layers import SamePad, initialize_normal

STEM = 32
SCALES = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
"""Factors of the width and of the depth of Lite0, Lite1 and Lite2."""


class Stage(NamedTuple):
    """One row of Table 1: `blocks` inverted residual blocks; the first one has the stride."""

    blocks: int
    expansion: int
    out: int
    kernel: int
    stride: int


STAGES = (
    Stage(1, 1, 16, 3, 1),
    Stage(2, 6, 24, 3, 2),
    Stage(2, 6, 40, 5, 2),
    Stage(3, 6, 80, 3, 2),
    Stage(3, 6, 112, 5, 1),
    Stage(4, 6, 192, 5, 2),
    Stage(1, 6, 320, 3, 1),
)
SOURCE_STAGES = (2, 4, 6)


@dataclass(frozen=True)
class EfficientNetLiteConfig(BaseConfig):
    """EfficientNet-Lite0, 1 or 2 (`version`), with sources of stride 8, 16 and 32.

    The blocks end in a linear layer. `laterals` passes each source through a 1 x 1 convolution with batch normalization
    and ReLU6 to that many channels; empty to predict from the linear layers.
    """

    kind: Literal["efficientnet_lite"] = "efficientnet_lite"
    version: Literal[0, 1, 2] = 0
    laterals: tuple[int, ...] = (128, 192, 256)
    imagenet_weights: ClassVar[tuple[str, ...]] = (
        "efficientnet-lite0",
        "efficientnet-lite1",
        "efficientnet-lite2",
    )
    imagenet_layers: ClassVar[str] = r"^base\.(stem|stages)\."
    first_layers: ClassVar[str] = r"^base\.(stem|stages\.[01])\."

    @classmethod
    def named(cls) -> "dict[str, BaseConfig]":
        return {f"efficientnet_lite{version}": cls(version=version) for version in (0, 1, 2)}

    @property
    def usual_weights(self) -> str:
        return f"efficientnet-lite{self.version}"

    @property
    def strides(self) -> tuple[int, ...]:
        return (8, 16, 32)

    @property
    def has_batch_norm(self) -> bool:
        return True

    def fault(self) -> str | None:
        return laterals_fault(self.laterals, sources=len(self.strides))

    def build(self) -> "EfficientNetLite":
        return EfficientNetLite(scaled_stages(*SCALES[self.version]), laterals=self.laterals)

    def extra(self, number: int) -> Extra:
        return Extra(128, 256)

    def initialize(self, layer: nn.Conv2d) -> None:
        """Normally distributed weights with a standard deviation of 0.01, for layers that start without ImageNet."""
        initialize_normal(layer, deviation=0.01)


def scaled_stages(width: float, depth: float) -> tuple[Stage, ...]:
    """STAGES with scaled channels and block counts. The first and the last stage keep their number of blocks."""
    last = len(STAGES) - 1
    return tuple(
        stage._replace(
            blocks=stage.blocks if number in (0, last) else ceil(stage.blocks * depth),
            out=multiple_of_8(stage.out * width),
        )
        for number, stage in enumerate(STAGES)
    )


class EfficientNetLite(BaseNetwork):
    """Stem and stages; returns the maps of stride 8, 16 and 32, each through its lateral layer if there are any."""

    def __init__(self, stages: tuple[Stage, ...], *, laterals: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = _convolution(3, STEM, kernel=3, stride=2, activation=True)
        self.stages = nn.ModuleList()
        channels = STEM
        for stage in stages:
            blocks = [InvertedResidual(channels, stage, stride=stage.stride)]
            blocks += [InvertedResidual(stage.out, stage, stride=1) for _ in range(stage.blocks - 1)]
            self.stages.append(nn.Sequential(*blocks))
            channels = stage.out
        outs = [stages[number].out for number in SOURCE_STAGES]
        if laterals:
            pairs = zip(outs, laterals, strict=True)
            self.laterals = nn.ModuleList(_lateral(out, lateral) for out, lateral in pairs)
        else:
            self.laterals = nn.ModuleList(nn.Identity() for _ in outs)
        self.channels = laterals or tuple(outs)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        maps = []
        x = self.stem(x)
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in SOURCE_STAGES:
                maps.append(x)
        return [lateral(x) for lateral, x in zip(self.laterals, maps, strict=True)]


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project without activation; with a shortcut if the shape stays the same."""

    def __init__(self, channels: int, stage: Stage, *, stride: int) -> None:
        super().__init__()
        wide = channels * stage.expansion
        widens = stage.expansion != 1
        self.expand = _convolution(channels, wide, activation=True) if widens else nn.Sequential()
        self.depthwise = _convolution(wide, wide, kernel=stage.kernel, stride=stride, groups=wide, activation=True)
        self.project = _convolution(wide, stage.out)
        self.shortcut = stride == 1 and channels == stage.out

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        out = self.project(self.depthwise(self.expand(x)))
        return out + x if self.shortcut else out


def _lateral(channels: int, out: int) -> nn.Sequential:
    """A 1 x 1 convolution that starts from random values, so its statistics must follow it within few steps."""
    return _convolution(channels, out, activation=True, momentum=0.1)


def _convolution(
    channels: int,
    out: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: bool = False,
    momentum: float = 0.01,
) -> nn.Sequential:
    """A convolution with TensorFlow's "same" padding, batch normalization and ReLU6."""
    layers: list[nn.Module] = [SamePad(kernel, stride)] if kernel > 1 and stride > 1 else []
    padding = 0 if layers else kernel // 2
    layers.append(nn.Conv2d(channels, out, kernel, stride=stride, padding=padding, groups=groups, bias=False))
    layers.append(nn.BatchNorm2d(out, eps=0.001, momentum=momentum))
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if activation else []))
