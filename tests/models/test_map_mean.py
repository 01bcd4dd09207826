"""The mean of a map, against PyTorch's function."""

import pytest
import torch
from torch.nn import functional as F

from multibox.models.layers import map_mean


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_values_and_gradients_are_pytorchs(dtype: torch.dtype) -> None:
    """Mean and gradient of a map in both layouts, bit by bit, and without a gradient."""
    torch.manual_seed(0)
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(2, 8, 5, 7).to(dtype).contiguous(memory_format=layout)
        own, plain = (x.clone().requires_grad_() for _ in range(2))
        weights = torch.randn(2, 8, 1, 1).to(dtype)
        map_mean(own).backward(weights)
        F.adaptive_avg_pool2d(plain, 1).backward(weights)
        assert torch.equal(own.grad, plain.grad)
        assert torch.equal(map_mean(x), F.adaptive_avg_pool2d(x, 1))
