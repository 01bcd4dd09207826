"""Gradients of depthwise convolutions, against PyTorch's in double precision."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from multibox.models.depthwise import depthwise_convolution, is_fast
from multibox.models.mixed import MixedConv2d

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 8e-3}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (4, 4), (5, 5), (3, 7), (7, 3)])
def test_all_gradients(dtype: torch.dtype, kernel: tuple[int, int]) -> None:
    """Output and gradients for all strides up to 3 and all paddings, with and without a bias."""
    torch.manual_seed(0)
    for stride in ((1, 1), (2, 2), (1, 2), (3, 3)):
        for padding in ((0, 0), (kernel[0] // 2, kernel[1] // 2), (kernel[0] - 1, kernel[1] - 1)):
            x = torch.randn(2, 16, 8, 11).to(dtype).contiguous(memory_format=torch.channels_last)
            own = [x, torch.randn(16, 1, *kernel, dtype=torch.promote_types(dtype, torch.float32)), torch.randn(16)]
            own = [value.requires_grad_() for value in own]
            exact = [value.detach().double().requires_grad_() for value in own]
            out = depthwise_convolution(*own, stride=stride, padding=padding)
            expected = F.conv2d(*exact, stride=stride, padding=padding, groups=16)
            weights = torch.randn_like(out)
            out.backward(weights)
            expected.backward(weights.double())
            assert out.dtype == dtype
            pairs = [(out, expected)] + [(a.grad, b.grad) for a, b in zip(own[:2], exact[:2], strict=True)]
            for value, reference in pairs:
                assert _distance(value, reference) < TOLERANCE[dtype], (stride, padding)
            assert _distance(own[2].grad, exact[2].grad) < max(TOLERANCE[dtype], 1e-5)


def _distance(value: torch.Tensor | None, reference: torch.Tensor | None) -> float:
    """Norm of the difference, as a share of the reference's norm."""
    assert value is not None
    assert reference is not None
    return float((value.detach().double() - reference.detach()).norm() / reference.detach().norm())


@pytest.mark.parametrize("side", [4, 5])
def test_what_needs_no_gradient_gets_none(side: int) -> None:
    """Frozen kernels and inputs, against the same gradients with nothing frozen."""
    torch.manual_seed(0)
    values = [torch.randn(1, 8, side, side), torch.randn(8, 1, 3, 3), torch.randn(8)]
    whole = [value.clone().requires_grad_() for value in values]
    depthwise_convolution(*whole, stride=(1, 1), padding=(1, 1)).sum().backward()
    for number in range(3):
        own = [value.clone().requires_grad_(i == number) for i, value in enumerate(values)]
        depthwise_convolution(*own, stride=(1, 1), padding=(1, 1)).sum().backward()
        for i, (value, reference) in enumerate(zip(own, whole, strict=True)):
            assert (value.grad is None) == (i != number)
            assert value.grad is None or torch.equal(value.grad, reference.grad)


def test_only_plain_depthwise_layers_are_replaced() -> None:
    """Layers of other kinds, and maps smaller than the kernel."""
    map_ = torch.zeros(1, 8, 6, 6)
    assert is_fast(nn.Conv2d(8, 8, 5, padding=2, groups=8), map_)
    others = (
        nn.Conv2d(8, 8, 3),
        nn.Conv2d(8, 8, 3, groups=4),
        nn.Conv2d(8, 16, 3, groups=8),
        nn.Conv2d(8, 8, 3, groups=8, dilation=2),
        nn.Conv2d(8, 8, 3, groups=8, padding="same"),
        nn.Conv2d(8, 8, 3, groups=8, padding=3),
        nn.Conv2d(8, 8, 3, groups=8, padding=1, padding_mode="reflect"),
        nn.Conv2d(8, 8, 7, groups=8, padding=3),
    )
    assert not any(is_fast(layer, map_) for layer in others)


def test_layers_of_all_kinds_learn_as_pytorchs() -> None:
    """Gradients of the layers of models in float32, against the plain layers."""
    torch.manual_seed(0)
    for shape in ((8, 8, 5, 1, 2, 8), (8, 16, 5, 2, 2, 8), (8, 8, 3, 2, 1, 4), (8, 8, 3, 1, 0, 1), (8, 8, 7, 1, 3, 8)):
        channels, out, kernel, stride, padding, groups = shape
        plain = nn.Conv2d(channels, out, kernel, stride=stride, padding=padding, groups=groups)
        own = MixedConv2d(channels, out, kernel, stride=stride, padding=padding, groups=groups)
        own.load_state_dict(plain.state_dict())
        x = torch.randn(2, channels, 6, 6)
        for layer in (plain, own):
            layer(x).square().sum().backward()
        torch.testing.assert_close(own.weight.grad, plain.weight.grad)
