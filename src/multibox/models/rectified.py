"""A convolution and the rectifier after it in one pass over the map, for training on a processor.

oneDNN applies ReLU and ReLU6 while it writes the convolution's output. The gradient needs no more than that output.
"""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from multibox.models.depthwise import Steps, depthwise_gradients, is_fast

Rectifier = Literal["relu", "relu6"]

_FUSED: dict[Rectifier, tuple[str, list[float]]] = {"relu": ("relu", []), "relu6": ("hardtanh", [0.0, 6.0])}


class _Geometry(NamedTuple):
    steps: Steps
    dilation: tuple[int, ...]
    groups: int
    depthwise: bool


def rectifier_of(module: nn.Module | None) -> Rectifier | None:
    """The rectifier that a module is, None if it is something else."""
    if type(module) is nn.ReLU6:
        return "relu6"
    return "relu" if type(module) is nn.ReLU else None


def can_rectify(layer: nn.Conv2d, dtype: torch.dtype) -> bool:
    """Whether this build of PyTorch has the operator for the layer and the number type."""
    known = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    plain = layer.padding_mode == "zeros" and isinstance(layer.padding, tuple)
    return known and plain and dtype in (torch.float32, torch.bfloat16)


def rectified_convolution(
    x: Float[Tensor, "b c h w"],
    weight: Float[Tensor, "d _ kh kw"],
    bias: Float[Tensor, " d"],
    layer: nn.Conv2d,
    rectifier: Rectifier,
) -> Float[Tensor, "b d _ _"]:
    """The rectified output of `layer` with these values, in the number type of `x`, with gradients."""
    assert isinstance(layer.padding, tuple)
    steps = Steps(layer.stride, layer.padding)
    geometry = _Geometry(steps, layer.dilation, layer.groups, is_fast(layer, x))
    return _Rectified.apply(x, weight, bias, geometry, rectifier)


class _Rectified(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, geometry: _Geometry, rectifier: Rectifier) -> Tensor:
        (stride, padding), dilation, groups, _ = geometry
        own = weight.to(x.dtype), bias.to(x.dtype)
        shape = [*padding], [*stride], [*dilation], groups
        out = torch.ops.mkldnn._convolution_pointwise(x, *own, *shape, *_FUSED[rectifier], "")
        ctx.save_for_backward(x, weight, out)
        ctx.geometry, ctx.rectifier = geometry, rectifier
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        x, weight, out = ctx.saved_tensors
        if ctx.rectifier == "relu":
            gradient = torch.ops.aten.threshold_backward(gradient, out, 0)
        else:
            gradient = torch.ops.aten.hardtanh_backward(gradient, out, 0, 6)
        (stride, padding), dilation, groups, depthwise = ctx.geometry
        wanted = ctx.needs_input_grad[:3]
        if depthwise:
            return *depthwise_gradients(gradient, x, weight, ctx.geometry.steps, wanted=wanted), None, None
        shape = [len(weight)], stride, padding, dilation, False, (0, 0), groups
        of_x, of_weight, of_bias = torch.ops.aten.convolution_backward(gradient, x, weight.to(x.dtype), *shape, wanted)
        return of_x, _to(of_weight, weight.dtype), _to(of_bias, weight.dtype), None, None


def _to(value: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if value is None else value.to(dtype)
