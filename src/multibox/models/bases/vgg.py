"""VGG16 as SSD uses it (paper section 3; VGGNetBody in the official model_libs.py). Layers have their Caffe names."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.bases.config import BaseConfig, BaseNetwork, width_fault
from multibox.models.heads import Extra, extra_layer, narrowed
from multibox.models.layers import L2Norm

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


@dataclass(frozen=True)
class VGG16Config(BaseConfig):
    """VGG16 up to fc7, the base network of the paper.

    With `atrous`, pool5 is 3 x 3 with stride 1 and fc6 is a dilated 3 x 3 convolution with 1024 channels. Without it
    (Table 2), pool5 halves the map, fc6 is the original 7 x 7 convolution with 4096 channels, and conv5_3 is an
    additional source. `width` scales all channels. With `batch_norm`, batch normalization follows each convolution,
    also in the extra layers, and replaces the L2 normalization of conv4_3. `source_norm` "batch" puts a batch
    normalization there in a network without others, as in pytorch-ssd.
    """

    kind: Literal["vgg16"] = "vgg16"
    atrous: bool = True
    width: float = 1.0
    batch_norm: bool = False
    source_norm: Literal["l2", "batch"] = "l2"
    imagenet_weights: ClassVar[tuple[str, ...]] = (
        "vgg16-reducedfc-caffe",
        "vgg16-reducedfc-pth",
        "vgg16-torchvision",
        "vgg16-bn-torchvision",
        "vgg16-features-torchvision",
    )
    imagenet_layers: ClassVar[str] = r"^base\.(conv|bn|fc)\d"
    first_layers: ClassVar[str] = r"^base\.(conv|bn)[12]_"

    @classmethod
    def named(cls) -> "dict[str, BaseConfig]":
        return {"vgg16": cls(), "vgg16_bn": cls(batch_norm=True)}

    @property
    def usual_weights(self) -> str | None:
        if self.width != 1:
            return None
        return "vgg16-bn-torchvision" if self.batch_norm else "vgg16-reducedfc-caffe"

    @property
    def strides(self) -> tuple[int, ...]:
        return (8, 16) if self.atrous else (8, 16, 32)

    @property
    def has_batch_norm(self) -> bool:
        return self.batch_norm or self.source_norm == "batch"

    def extra_layer(self, channels: int, extra: Extra) -> nn.Module:
        return extra_layer(channels, extra, batch_norm=self.batch_norm)

    def fault(self) -> str | None:
        return width_fault(self.width, narrowest=STAGES[0][0])

    def build(self) -> "VGG16":
        return VGG16(atrous=self.atrous, width=self.width, batch_norm=self.batch_norm)

    def extra(self, number: int) -> Extra:
        return narrowed(super().extra(number), self.width)

    def norm(self, channels: int) -> nn.Module:
        if self.batch_norm:
            return nn.Identity()
        return nn.BatchNorm2d(channels) if self.source_norm == "batch" else L2Norm(channels)


class VGG16(BaseNetwork):
    """Returns the maps of conv4_3 and fc7, and of conv5_3 between them without `atrous`; see VGG16Config."""

    def __init__(self, *, atrous: bool = True, width: float = 1.0, batch_norm: bool = False) -> None:
        super().__init__()
        self.taps = ("relu4_3", "relu7") if atrous else ("relu4_3", "relu5_3", "relu7")
        self._batch_norm = batch_norm
        channels = 3
        for i, stage in enumerate(STAGES, start=1):
            for j, out in enumerate(stage, start=1):
                channels = self._add_convolution(f"{i}_{j}", channels, round(out * width), kernel=3)
            pool = nn.MaxPool2d(3, stride=1, padding=1) if atrous and i == 5 else nn.MaxPool2d(2, ceil_mode=True)
            self.add_module(f"pool{i}", pool)
        wide = round((1024 if atrous else 4096) * width)
        kernel, dilation = (3, 6) if atrous else (7, 1)
        self._add_convolution("6", channels, wide, kernel=kernel, dilation=dilation, prefix="fc")
        self._add_convolution("7", wide, wide, kernel=1, prefix="fc")
        self.channels = tuple(self._width_of(tap) for tap in self.taps)

    def _add_convolution(
        self, name: str, channels: int, out: int, *, kernel: int, dilation: int = 1, prefix: str = "conv"
    ) -> int:
        padding = dilation * (kernel // 2)
        convolution = nn.Conv2d(channels, out, kernel, padding=padding, dilation=dilation, bias=not self._batch_norm)
        self.add_module(prefix + name, convolution)
        if self._batch_norm:
            self.add_module("bn" + name, nn.BatchNorm2d(out))
        self.add_module("relu" + name, nn.ReLU(inplace=True))
        return out

    def _width_of(self, tap: str) -> int:
        name = tap.removeprefix("relu")
        convolution = self.get_submodule(("fc" if name in ("6", "7") else "conv") + name)
        assert isinstance(convolution, nn.Conv2d)
        return convolution.out_channels

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        sources = []
        layers = list(self.named_children())
        for name, layer in _pools_first(layers, self.taps) if self.training else layers:
            x = layer(x)
            if name in self.taps:
                sources.append(x)
        return sources


def _pools_first(layers: list[tuple[str, nn.Module]], taps: tuple[str, ...]) -> list[tuple[str, nn.Module]]:
    """The layers, with each ReLU that is no tap after the pooling that follows it.

    The largest of rectified values is the rectified largest value, with the same gradients, for a quarter of the work.
    Not in inference, where engines rectify while they convolve.
    """
    order = list(layers)
    for i, ((name, layer), (_, pool)) in enumerate(pairwise(layers)):
        if isinstance(layer, nn.ReLU) and isinstance(pool, nn.MaxPool2d) and name not in taps:
            order[i], order[i + 1] = order[i + 1], order[i]
    return order
