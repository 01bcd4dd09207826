"""A model for inference only: constant factors are multiplied into the weights."""

from copy import deepcopy

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multibox.models.layers import ChannelScale, L2Norm
from multibox.models.ssd import SSD

_NARROWED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.PReLU)


class FoldedSSD(nn.Module):
    """A copy of an SSD that computes the same offsets and logits, up to rounding, in fewer steps.

    Batch normalizations are folded into the convolutions before them, the factors of L2Norm into the first predictors,
    and the standard deviation into the first convolution. The mean is not folded: the first convolution pads with
    zeros, which must represent the mean color. Subtracting it costs nothing extra, because it is part of the conversion
    from uint8; a caller that subtracts it sets `mean` to None. If other layers than one convolution see the image, the
    division by the deviation stays. Everything with weights computes in `dtype`.
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(self, model: SSD, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        own = deepcopy(model).cpu().eval().requires_grad_(False)
        fold_batch_norms(own)
        stem = own.base.image_convolution()
        if stem is not None:
            scale_inputs(stem, 1 / own.std.flatten())
        self.base, self.extras, self.heads, self.sources = own.base, own.extras, own.heads, own.sources
        self.norm = _fold_norm(own)
        _split_norms(self.base)
        self.config, self.class_names, self.coder = own.config, own.class_names, own.coder
        for layer in [m for m in self.modules() if isinstance(m, _NARROWED)]:
            layer.to(dtype)
        self.register_buffer("mean", own.mean.clone(), persistent=False)
        self.register_buffer("std", None if stem is not None else own.std.clone(), persistent=False)

    def forward(
        self, images: UInt8[Tensor, "b 3 h w"] | Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]:
        """Offsets and logits, in float32, of RGB images with values 0 … 255 at the network's input size."""
        centered = images if self.mean is None else images - self.mean
        maps = self.base((centered if self.std is None else centered / self.std).to(self.dtype))
        first = self.norm(maps[0])
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        maps[0] = first
        sources = [maps[i] for i in self.sources]
        offsets, logits = self.heads(sources)
        return offsets.float(), logits.float()


class UnitNorm(nn.Module):
    """L2Norm without its factors: unit length over the channels, or over all of `axes`.

    The epsilon is the minimum of the sum of squares instead of a summand, because the ONNX exporter replaces so small
    a summand with zero. The result differs only for sums near the epsilon.
    """

    def __init__(self, eps: float, *, axes: tuple[int, ...] = (1,)) -> None:
        super().__init__()
        self.eps, self.axes = eps, axes

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        wide = x.float()
        return (wide * wide.square().sum(dim=self.axes, keepdim=True).clamp(min=self.eps).rsqrt()).to(x.dtype)


def _first_convolution(module: nn.Module) -> nn.Conv2d:
    return next(m for m in module.modules() if isinstance(m, nn.Conv2d))


def _fold_norm(model: SSD) -> nn.Module:
    """Fold the factors of the model's L2Norm into the predictors of the first map. Returns the rest of the layer."""
    if not isinstance(model.norm, L2Norm):
        return model.norm
    if 0 in model.sources:
        at = model.sources.index(0)
        for predictor in (model.heads.location[at], model.heads.confidence[at]):
            scale_inputs(_first_convolution(predictor), model.norm.weight)
    return UnitNorm(model.norm.eps)


def _split_norms(module: nn.Module) -> None:
    """Replace each L2Norm inside a base network by its two parts, unit length and factors."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, L2Norm):
                scale = ChannelScale(len(child.weight), bias=False)
                scale.weight = nn.Parameter(child.weight.detach().clone(), requires_grad=False)
                setattr(parent, name, nn.Sequential(UnitNorm(child.eps, axes=child.axes), scale))


@torch.no_grad()
def scale_inputs(convolution: nn.Conv2d, factors: Float[Tensor, " c"]) -> None:
    """Fold per-channel input factors into the weights of a convolution."""
    by_group = factors.double().reshape(convolution.groups, -1)
    by_output = by_group.repeat_interleave(convolution.out_channels // convolution.groups, dim=0)
    convolution.weight.copy_(convolution.weight.double() * by_output[:, :, None, None])


@torch.no_grad()
def fold_batch_norms(module: nn.Module) -> None:
    """Fold each batch normalization and each ChannelScale into the convolution before it.

    Modules run their children in order.
    """
    for parent in module.modules():
        before: nn.Module | None = None
        for name, child in parent.named_children():
            if isinstance(before, nn.Conv2d) and isinstance(child, nn.BatchNorm2d | ChannelScale):
                _fold_affine(before, *(_factors(child)))
                setattr(parent, name, nn.Identity())
            else:
                before = child


def _factors(layer: nn.BatchNorm2d | ChannelScale) -> tuple[Tensor, Tensor]:
    """What the layer multiplies each channel with and then adds, in double precision."""
    if isinstance(layer, ChannelScale):
        one = torch.ones(1, dtype=torch.float64) if layer.weight is None else layer.weight.double()
        return one, torch.zeros_like(one) if layer.bias is None else layer.bias.double()
    mean, variance = layer.running_mean, layer.running_var
    assert mean is not None
    assert variance is not None
    factor = layer.weight.double() / (variance.double() + layer.eps).sqrt()
    return factor, layer.bias.double() - mean.double() * factor


def _fold_affine(convolution: nn.Conv2d, factor: Tensor, summand: Tensor) -> None:
    bias = 0 if convolution.bias is None else convolution.bias.double()
    convolution.weight.copy_(convolution.weight.double() * factor[:, None, None, None])
    folded = (summand + bias * factor).expand(convolution.out_channels)
    convolution.bias = nn.Parameter(folded.to(convolution.weight.dtype), requires_grad=False)
