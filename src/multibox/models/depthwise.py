"""A depthwise convolution for training on a processor, with gradients that oneDNN computes fast.

In oneDNN 3.11 (PyTorch 2.13) three cases take five to forty times as long as the forward pass:

- the gradient of a kernel of more than three columns. It is computed here for up to three columns at a time.
- in bfloat16, the gradient of the input with a stride. It is computed here in float32.
- without a stride, the gradient of the input takes twice as long as the same convolution with the mirrored kernel.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_MOST_COLUMNS = 3
_HAS_ONEDNN = torch.backends.mkldnn.is_available()  # asked once, because a compiler cannot trace the question


class Steps(NamedTuple):
    """Strides and zeros around the map, each for rows and columns."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]


def is_fast(layer: nn.Conv2d, x: Float[Tensor, "b c h w"]) -> bool:
    """Whether `depthwise_convolution` can replace the layer on this map: one kernel a channel, no larger than the map.

    Without oneDNN, for example on macOS, PyTorch's own kernels have other costs.

    If a map is smaller than the kernel, the gradient of weights that see nothing but padding is wrong in oneDNN.
    """
    kernel = layer.kernel_size
    return (
        _HAS_ONEDNN
        and layer.groups == layer.in_channels == layer.out_channels > 1
        and layer.dilation == (1, 1)
        and isinstance(layer.padding, tuple)
        and layer.padding_mode == "zeros"
        and all(p < k <= side for p, k, side in zip(layer.padding, kernel, x.shape[2:], strict=True))
    )


def depthwise_convolution(
    x: Float[Tensor, "b c h w"],
    weight: Float[Tensor, "c 1 kh kw"],
    bias: Float[Tensor, " c"] | None,
    *,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
) -> Float[Tensor, "b c _ _"]:
    """The convolution in the number type of `x`, with gradients; those of weight and bias have their own type."""
    return _Depthwise.apply(x, weight, bias, Steps(stride, padding))


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, steps: Steps) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.steps, ctx.has_bias = steps, bias is not None
        own = weight.to(x.dtype), None if bias is None else bias.to(x.dtype)
        return F.conv2d(x, *own, stride=steps.stride, padding=steps.padding, groups=len(weight))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        wanted = (*ctx.needs_input_grad[:2], ctx.has_bias and ctx.needs_input_grad[2])
        return *depthwise_gradients(gradient, x, weight, ctx.steps, wanted=wanted), None


def depthwise_gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, steps: Steps, *, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of input, kernel and bias from that of the output, None for those that are not wanted."""
    of_x = of_weight = of_bias = None
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    if wanted[0]:
        of_x = _input_gradient(gradient, x, weight, steps)
    if wanted[1] or wanted[2]:
        of_weight, of_bias = _weight_gradients(gradient, x, weight, steps)
    return of_x, of_weight, of_bias if wanted[2] else None


def _input_gradient(gradient: Tensor, x: Tensor, weight: Tensor, steps: Steps) -> Tensor:
    if steps.stride == (1, 1):
        mirrored = weight.flip(2, 3).to(x.dtype)
        padding = [k - 1 - p for k, p in zip(weight.shape[2:], steps.padding, strict=True)]
        return F.conv2d(gradient, mirrored, padding=padding, groups=len(weight))
    wide = torch.promote_types(x.dtype, torch.float32)
    shape = torch.empty_like(x, dtype=wide, memory_format=torch.channels_last)  # its values do not matter
    return _gradients(gradient.to(wide), shape, weight.to(wide), steps, wanted=(True, False, False))[0].to(x.dtype)


def _weight_gradients(gradient: Tensor, x: Tensor, weight: Tensor, steps: Steps) -> tuple[Tensor, Tensor]:
    """Gradients of kernel and bias; that of the kernel in parts of up to three columns if there are more."""
    columns = weight.shape[3]
    if columns <= _MOST_COLUMNS:
        _, of_weight, of_bias = _gradients(gradient, x, weight.to(x.dtype), steps, wanted=(False, True, True))
        return of_weight.to(weight.dtype), of_bias.to(weight.dtype)
    (down, across), (rows, sides) = steps
    padded = F.pad(x, (sides, sides))
    parts, biases = [], []
    for first in range(0, columns, _MOST_COLUMNS):
        part = weight[..., first : first + _MOST_COLUMNS]
        seen = (gradient.shape[3] - 1) * across + part.shape[3]
        view = padded[..., first : first + seen].contiguous(memory_format=torch.channels_last)
        narrow = Steps((down, across), (rows, 0))
        _, of_part, of_bias = _gradients(gradient, view, part.to(x.dtype), narrow, wanted=(False, True, first == 0))
        parts.append(of_part)
        biases.append(of_bias)
    return torch.cat(parts, dim=3).to(weight.dtype), biases[0].to(weight.dtype)


def _gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, steps: Steps, *, wanted: tuple[bool, bool, bool]
) -> tuple[Any, Any, Any]:
    """Gradients of input, weight and bias by PyTorch's own function, None for those that are not wanted."""
    bias = [len(weight)]
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, bias, steps.stride, steps.padding, (1, 1), False, (0, 0), len(weight), wanted
    )
