"""Convolutions for training in bfloat16 on a processor, where oneDNN does not do all of them well."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MixedConv2d(nn.Conv2d):
    """A convolution that trains in float32, among others in bfloat16, if bfloat16 is slower or wrong for it.

    - Gradients of grouped convolutions take longer in bfloat16 than in float32.
    - If a map is smaller than the kernel, the gradient of weights that see nothing but padding is not 0 but whatever
      was in memory before (oneDNN 3.11 in PyTorch 2.13).

    The output is rounded to bfloat16, so that the next layers read half the memory.
    """

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d _ _"]:
        if not self._trains_mixed(x):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(torch.get_autocast_dtype("cpu"))

    def _trains_mixed(self, x: Tensor) -> bool:
        in_bfloat16 = x.device.type == "cpu" and torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")
        return in_bfloat16 and (self.groups > 1 or self._exceeds(x))

    def _exceeds(self, x: Tensor) -> bool:
        """Whether the kernel is larger than the map."""
        sides = zip(x.shape[2:], self.kernel_size, self.dilation, strict=True)
        return any(side < dilation * (kernel - 1) + 1 for side, kernel, dilation in sides)


def use_mixed_convolutions(model: nn.Module) -> None:
    """Give all convolutions of a model this behavior; parameters and their names stay the same."""
    for module in model.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = MixedConv2d
