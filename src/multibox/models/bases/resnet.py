"""A small residual network, the base of the light detectors that train from scratch.

The blocks are those of He et al. (CVPR 2016, Figure 5 left). The stem is three 3 x 3 convolutions without pooling:
detectors that train from scratch suffer from the early loss of detail in the original 7 x 7 convolution and pooling
(Zhu et al., "ScratchDet", CVPR 2019, section 3.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseConfig, BaseNetwork, width_fault
from multibox.models.heads import Extra, narrowed

STEM = 32
STAGES = (64, 128, 256, 512)
BLOCKS = (1, 2, 2, 2)


@dataclass(frozen=True)
class ResNetConfig(BaseConfig):
    """A residual network with batch normalization; `width` scales all channels."""

    kind: Literal["resnet"] = "resnet"
    width: float = 1.0

    @classmethod
    def named(cls) -> "dict[str, BaseConfig]":
        return {"resnet_light": cls(width=0.5)}

    @property
    def strides(self) -> tuple[int, ...]:
        return (8, 16, 32)

    @property
    def has_batch_norm(self) -> bool:
        return True

    def fault(self) -> str | None:
        return width_fault(self.width, narrowest=STEM)

    def extra(self, _number: int) -> Extra:
        return narrowed(Extra(128, 256), self.width)

    def build(self) -> "ResNet":
        return ResNet(width=self.width)


class ResNet(BaseNetwork):
    """Stages of stride 4, 8, 16 and 32. Returns the maps of the last three.

    `width` scales all channels; `blocks` is the number of residual blocks of each stage.
    """

    def __init__(self, *, width: float = 1.0, blocks: Sequence[int] = BLOCKS) -> None:
        super().__init__()
        stem, *stages = (round(channels * width) for channels in (STEM, *STAGES))
        self.stem = nn.Sequential(
            *_convolution(3, stem, stride=2),
            nn.ReLU(inplace=True),
            *_convolution(stem, stem),
            nn.ReLU(inplace=True),
            *_convolution(stem, stages[0], stride=2),
            nn.ReLU(inplace=True),
        )
        inside = stages[0]
        for number, (channels, count) in enumerate(zip(stages, blocks, strict=True), start=1):
            layers = [Block(inside, channels, stride=1 if number == 1 else 2)]
            layers += [Block(channels, channels) for _ in range(count - 1)]
            self.add_module(f"stage{number}", nn.Sequential(*layers))
            inside = channels
        self.channels = tuple(stages[1:])

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        x = self.get_submodule("stage1")(self.stem(x))
        sources = []
        for name in ("stage2", "stage3", "stage4"):
            x = self.get_submodule(name)(x)
            sources.append(x)
        return sources


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, which is a 1 x 1 convolution if the shape changes."""

    def __init__(self, channels: int, out: int, *, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *_convolution(channels, out, stride=stride), nn.ReLU(inplace=True), *_convolution(out, out)
        )
        same = stride == 1 and channels == out
        self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(channels, out, kernel=1, stride=stride))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        return self.relu(self.residual(x) + self.shortcut(x))


def _convolution(channels: int, out: int, *, kernel: int = 3, stride: int = 1) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    convolution = nn.Conv2d(channels, out, kernel, stride=stride, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(out)
