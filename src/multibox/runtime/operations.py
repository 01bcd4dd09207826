"""How much a network computes for one picture."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from multibox.models.ssd import SSD


@torch.inference_mode()
def count_operations(model: SSD) -> float:
    """Multiplications and additions of all convolutions for one picture, in units of 10⁹."""
    counted: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        counted.append(2 * output.numel() * layer.weight[0].numel())

    shapes_only = deepcopy(model).to("meta").eval()
    for module in shapes_only.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    shapes_only(torch.empty(1, 3, *model.config.input_size, device="meta"))
    return sum(counted) / 1e9
