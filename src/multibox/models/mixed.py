"""Convolutions for training on a processor, where oneDNN does not compute all gradients fast, or rightly."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from multibox.models.depthwise import depthwise_convolution, is_fast
from multibox.models.rectified import Rectifier, can_rectify, rectified_convolution


class MixedConv2d(nn.Conv2d):
    """A convolution that trains on a processor by another way, or in another precision, where that is better.

    - Depthwise convolutions have faster gradients of their own.
    - Other grouped convolutions train in float32 under autocast, because their gradients take longer in bfloat16.
    - So do convolutions whose kernel is larger than the map: in bfloat16 the gradient of weights that see nothing but
      padding is not 0 but whatever was in memory before (oneDNN 3.11 in PyTorch 2.13).

    The output has the precision of autocast, so that the next layers read half the memory.
    """

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        return self.convolve(x, self.weight, self.bias)

    def convolve(
        self, x: Float[Tensor, "b c h w"], weight: Tensor, bias: Tensor | None, *, rectifier: Rectifier | None = None
    ) -> Float[Tensor, "b d _ _"]:
        """The same with other values in the place of the parameters, and with a rectifier after it."""
        if rectifier is None:
            return self._convolve(x, weight, bias)
        if bias is not None and self._rectifies(x):
            return rectified_convolution(x.to(_number_type(x)), weight, bias, self, rectifier)
        out = self._convolve(x, weight, bias)
        return F.relu_(out) if rectifier == "relu" else F.hardtanh_(out, 0, 6)

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not _trains_on_processor(x, weight):
            return self._conv_forward(x, weight, bias)
        mixed, dtype = torch.is_autocast_enabled("cpu"), _number_type(x)
        if is_fast(self, x) and not torch.compiler.is_compiling():
            assert isinstance(self.padding, tuple)
            return depthwise_convolution(x.to(dtype), weight, bias, stride=self.stride, padding=self.padding)
        if not mixed or (self.groups == 1 and not self._exceeds(x)):
            return self._conv_forward(x, weight, bias)
        with torch.autocast("cpu", enabled=False):
            return self._conv_forward(x.float(), weight, bias).to(dtype)

    def _rectifies(self, x: Tensor) -> bool:
        """Whether the convolution applies a rectifier itself; a compiler does that in its own way."""
        if x.device.type != "cpu" or torch.compiler.is_compiling() or not can_rectify(self, _number_type(x)):
            return False
        return (self.groups == 1 and not self._exceeds(x)) or is_fast(self, x)

    def _exceeds(self, x: Tensor) -> bool:
        """Whether the kernel is larger than the map."""
        sides = zip(x.shape[2:], self.kernel_size, self.dilation, strict=True)
        return any(side < dilation * (kernel - 1) + 1 for side, kernel, dilation in sides)


def _number_type(x: Tensor) -> torch.dtype:
    """That of a convolution's output on a processor."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _trains_on_processor(x: Tensor, weight: Tensor) -> bool:
    """Whether a gradient will be asked for."""
    return x.device.type == "cpu" and torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)


def use_mixed_convolutions(model: nn.Module) -> None:
    """Give all convolutions of a model this behavior; parameters and their names stay the same."""
    for module in model.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = MixedConv2d
