"""A model for inference only: constant factors are multiplied into the weights."""

from copy import deepcopy

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multibox.models.layers import L2Norm
from multibox.models.ssd import SSD


class FoldedSSD(nn.Module):
    """A copy of an SSD that computes the same offsets and logits, up to rounding, in fewer steps.

    Batch normalizations are folded into the convolutions before them, the factors of L2Norm into the first predictors,
    and the standard deviation into the first convolution. The mean is not folded: the first convolution pads with
    zeros, which must represent the mean color. Subtracting it costs nothing extra, because it is part of the conversion
    from uint8. Convolutions compute in `dtype`.
    """

    mean: Tensor

    def __init__(self, model: SSD, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        own = deepcopy(model).cpu().eval().requires_grad_(False)
        fold_batch_norms(own)
        scale_inputs(_first_convolution(own.base), 1 / own.std.flatten())
        self.base, self.extras, self.heads, self.sources = own.base, own.extras, own.heads, own.sources
        self.norm = _fold_norm(own)
        self.config, self.class_names, self.coder = own.config, own.class_names, own.coder
        for convolution in [m for m in self.modules() if isinstance(m, nn.Conv2d)]:
            convolution.to(dtype)
        self.register_buffer("mean", own.mean.clone(), persistent=False)

    def forward(
        self, images: UInt8[Tensor, "b 3 h w"] | Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]:
        """Offsets and logits, in float32, of RGB images with values 0 … 255 at the network's input size."""
        maps = self.base((images - self.mean).to(self.dtype))
        first = self.norm(maps[0])
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        maps[0] = first
        sources = [maps[i] for i in self.sources]
        offsets = [_rows(layer(x), 4) for layer, x in zip(self.heads.location, sources, strict=True)]
        logits = [_rows(layer(x), self.heads.outputs) for layer, x in zip(self.heads.confidence, sources, strict=True)]
        return torch.cat(offsets, dim=1).float(), torch.cat(logits, dim=1).float()


class UnitNorm(nn.Module):
    """L2Norm without its factors: unit length over the channels.

    The epsilon is the minimum of the sum of squares instead of a summand, because the ONNX exporter replaces so small
    a summand with zero. The result differs only for sums near the epsilon.
    """

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        wide = x.float()
        return (wide * wide.square().sum(dim=1, keepdim=True).clamp(min=self.eps).rsqrt()).to(x.dtype)


def _rows(maps: Float[Tensor, "b kn h w"], numbers: int) -> Float[Tensor, "b p n"]:
    """Return one row for each prior. The batch size may be symbolic in an export."""
    return maps.permute(0, 2, 3, 1).reshape(maps.shape[0], -1, numbers)


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


@torch.no_grad()
def scale_inputs(convolution: nn.Conv2d, factors: Float[Tensor, " c"]) -> None:
    """Fold per-channel input factors into the weights of a convolution."""
    by_group = factors.double().reshape(convolution.groups, -1)
    by_output = by_group.repeat_interleave(convolution.out_channels // convolution.groups, dim=0)
    convolution.weight.copy_(convolution.weight.double() * by_output[:, :, None, None])


@torch.no_grad()
def fold_batch_norms(module: nn.Module) -> None:
    """Fold each batch normalization into the convolution before it, in modules that run their children in order."""
    for parent in module.modules():
        before: nn.Module | None = None
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
                _fold_batch_norm(before, child)
                setattr(parent, name, nn.Identity())
            before = child


def _fold_batch_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    factor = norm.weight.double() / (variance.double() + norm.eps).sqrt()
    bias = 0 if convolution.bias is None else convolution.bias.double()
    convolution.weight.copy_(convolution.weight.double() * factor[:, None, None, None])
    folded = norm.bias.double() + (bias - mean.double()) * factor
    convolution.bias = nn.Parameter(folded.to(convolution.weight.dtype), requires_grad=False)
