"""Pooling and local response normalization."""

from dataclasses import dataclass
from math import prod
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from multibox.models.bases.graph.layers.layer import MAX_KERNEL, Layer, Pair, Shape, require, require_map, within


@dataclass(frozen=True)
class Pool(Layer):
    """The largest or the average value of a window.

    `ceil` rounds the number of windows up; a last window may reach beyond the padding, but does not start there. An
    average counts the zeros of the padding, as Caffe's does, or not (`count_padding`).
    """

    operation: Literal["max", "average"]
    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    ceil: bool = True
    count_padding: bool = True
    kind: Literal["pool"] = "pool"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require_map(source)
        for kernel, stride, padding in zip(self.kernel, self.stride, self.padding, strict=True):
            within("kernel", kernel, 1, MAX_KERNEL)
            within("stride", stride, 1, MAX_KERNEL)
            within("padding", padding, 0, kernel // 2)
        rows, columns = (self._windows(axis, side) for axis, side in enumerate(source[1:]))
        return (source[0], rows, columns)

    def _windows(self, axis: int, side: int) -> int:
        """As PyTorch counts them."""
        kernel, stride, padding = self.kernel[axis], self.stride[axis], self.padding[axis]
        free = side + 2 * padding - kernel
        count = (-(-free // stride) if self.ceil else free // stride) + 1
        return count - 1 if self.ceil and (count - 1) * stride >= side + padding else count

    def build(self) -> nn.Module:
        if self.operation == "max":
            return nn.MaxPool2d(self.kernel, self.stride, padding=self.padding, ceil_mode=self.ceil)
        return nn.AvgPool2d(
            self.kernel,
            self.stride,
            padding=self.padding,
            ceil_mode=self.ceil,
            count_include_pad=self.count_padding,
        )

    def work(self, output: Shape) -> int:
        return prod(output) * prod(self.kernel)


@dataclass(frozen=True)
class GlobalPool(Layer):
    """The largest or the average value of each channel."""

    operation: Literal["max", "average"]
    kind: Literal["global_pool"] = "global_pool"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require_map(source)
        return (source[0], 1, 1)

    def build(self) -> nn.Module:
        return nn.AdaptiveMaxPool2d(1) if self.operation == "max" else nn.AdaptiveAvgPool2d(1)


@dataclass(frozen=True)
class LocalResponseNorm(Layer):
    """Divides by (k + alpha · mean of squares)^beta.

    The mean is over `size` neighboring channels, or over a window of that side within each channel; values outside the
    """

    size: int = 5
    alpha: float = 1.0
    beta: float = 0.75
    k: float = 1.0
    within_channel: bool = False
    kind: Literal["lrn"] = "lrn"

    def shape(self, *given: Shape) -> Shape:
        (source,) = given
        require_map(source)
        within("size", self.size, 1, 255)
        require(self.size % 2, f"size is {self.size}, it must be odd")
        within("alpha", self.alpha, 0, 1000)
        within("beta", self.beta, 0, 100)
        within("k", self.k, 1e-6, 1000)
        return source

    def build(self) -> nn.Module:
        return _LocalResponseNorm(self)

    def work(self, output: Shape) -> int:
        return prod(output) * self.size**2


class _LocalResponseNorm(nn.Module):
    def __init__(self, layer: LocalResponseNorm) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        layer, half = self.layer, self.layer.size // 2
        squares = x.float().square()
        if layer.within_channel:
            mean = F.avg_pool2d(squares, layer.size, stride=1, padding=half)
        else:  # pool over the channels, as rows of an image of one channel
            rows = squares.flatten(2).unsqueeze(1)
            mean = F.avg_pool2d(rows, (layer.size, 1), stride=1, padding=(half, 0)).reshape(x.shape)
        return (x * (mean * layer.alpha + layer.k).pow(-layer.beta)).to(x.dtype)
