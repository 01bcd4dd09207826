"""The layers that SSD adds to a base network: extra layers that shrink the map, and two predictors a source map."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.layers import convolution


@dataclass(frozen=True)
class Extra:
    """One extra layer: a 1 x 1 convolution to `squeeze` channels, then `kernel` x `kernel` to `out` channels."""

    squeeze: int
    out: int
    kernel: int = 3
    stride: int = 2
    padding: int = 1


def narrowed(extra: Extra, width: float) -> Extra:
    """The layer with its channels scaled by `width`."""
    return replace(extra, squeeze=round(extra.squeeze * width), out=round(extra.out * width))


def lite_extra(number: int) -> Extra:
    """The channels of SSDLite's extra layer `number`, counted from 0: 512, 256, 256 and then 128."""
    return (Extra(256, 512), Extra(128, 256), Extra(128, 256), Extra(64, 128))[min(number, 3)]


def extra_layer(channels: int, extra: Extra, *, batch_norm: bool) -> nn.Sequential:
    """Two convolutions with ReLU, as conv6_1 and conv6_2 of the official code (conv8_1 and conv8_2 of the paper)."""
    shapes = ((channels, extra.squeeze, 1, 1, 0), (extra.squeeze, extra.out, extra.kernel, extra.stride, extra.padding))
    layers: list[nn.Module] = []
    for inside, out, kernel, stride, padding in shapes:
        layers.append(nn.Conv2d(inside, out, kernel, stride=stride, padding=padding, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(out))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def lite_extra_layer(channels: int, extra: Extra) -> nn.Sequential:
    """The depthwise form of SSDLite: squeeze, filter each channel, widen."""
    return nn.Sequential(
        convolution(channels, extra.squeeze, activation=nn.ReLU6),
        convolution(
            extra.squeeze,
            extra.squeeze,
            kernel=extra.kernel,
            stride=extra.stride,
            padding=extra.padding,
            groups=extra.squeeze,
            activation=nn.ReLU6,
        ),
        convolution(extra.squeeze, extra.out, activation=nn.ReLU6),
    )


def separable(channels: int, out: int, *, kernel: int = 3, stride: int = 1, padding: int = 1) -> nn.Sequential:
    """A depthwise convolution, ReLU and a 1 x 1 convolution, without normalization."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, stride=stride, padding=padding, groups=channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, out, 1),
    )


def separable_extra_layer(channels: int, extra: Extra) -> nn.Sequential:
    """Squeeze, ReLU, and a separable convolution without activation at its end, as in pytorch-ssd."""
    shape = {"kernel": extra.kernel, "stride": extra.stride, "padding": extra.padding}
    filtered = separable(extra.squeeze, extra.out, **shape)
    return nn.Sequential(nn.Conv2d(channels, extra.squeeze, 1), nn.ReLU(inplace=True), filtered)


def predictor(channels: int, outputs: int) -> nn.Module:
    """A 3 x 3 convolution without activation."""
    return nn.Conv2d(channels, outputs, 3, padding=1)


def lite_predictor(channels: int, outputs: int) -> nn.Module:
    """The depthwise form of SSDLite."""
    depthwise = convolution(channels, channels, kernel=3, groups=channels, activation=nn.ReLU6)
    return nn.Sequential(depthwise, nn.Conv2d(channels, outputs, 1))


class Heads(nn.Module):
    """For each source map one predictor of offsets and one of class scores (CreateMultiBoxHead in model_libs.py).

    `outputs` is the number of scores for each box, background included. `build(channels, values)` makes the layer that
    predicts `values` values for each cell, and `build_last` that of the last map, if it differs.
    """

    def __init__(
        self,
        channels: Sequence[int],
        boxes_per_cell: Sequence[int],
        *,
        outputs: int,
        build: Callable[[int, int], nn.Module] = predictor,
        build_last: Callable[[int, int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.outputs = outputs
        builders = ([build] * len(channels))[:-1] + [build_last or build] * bool(channels)
        sizes = list(zip(builders, channels, boxes_per_cell, strict=True))
        self.location = nn.ModuleList(make(c, boxes * 4) for make, c, boxes in sizes)
        self.confidence = nn.ModuleList(make(c, boxes * outputs) for make, c, boxes in sizes)

    def forward(
        self, sources: Sequence[Float[Tensor, "b _ _ _"]]
    ) -> tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]:
        """Offsets and logits of all priors, in the priors' order: map, row, column, box."""
        offsets = [rows_of(layer(x), 4) for layer, x in zip(self.location, sources, strict=True)]
        logits = [rows_of(layer(x), self.outputs) for layer, x in zip(self.confidence, sources, strict=True)]
        return torch.cat(offsets, dim=1), torch.cat(logits, dim=1)


def rows_of(maps: Float[Tensor, "b kn h w"], numbers: int) -> Float[Tensor, "b p n"]:
    """One row for each prior. The batch size may be symbolic in an export."""
    return maps.permute(0, 2, 3, 1).reshape(maps.shape[0], -1, numbers)
