"""Layers that several networks share."""

import torch
from torch.nn import functional as F

from multibox.models.layers import DepthwiseConv2d


def test_depthwise_layers_train_in_float32_among_bfloat16() -> None:
    """Output and gradients under autocast against those in float32 of the same rounded input, rounded once."""
    torch.manual_seed(0)
    layer = DepthwiseConv2d(6, 6, 3, padding=1, groups=6, bias=False)
    x = torch.randn(2, 6, 9, 9).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(x.requires_grad_())
    assert out.dtype == torch.bfloat16
    weights = torch.randn_like(out)
    (out * weights).sum().backward()
    plain = x.detach().float().requires_grad_()
    expected = F.conv2d(plain, layer.weight.detach().requires_grad_(), padding=1, groups=6)
    assert torch.equal(out, expected.bfloat16())
    expected.backward(weights.float())
    assert x.grad is not None
    assert plain.grad is not None
    torch.testing.assert_close(x.grad, plain.grad.bfloat16())


def test_layers_that_are_not_trained_keep_autocast() -> None:
    """Inference in bfloat16 against the plain layer."""
    layer = DepthwiseConv2d(4, 4, 3, groups=4, bias=False)
    x = torch.randn(1, 4, 5, 5)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(x), F.conv2d(x, layer.weight, groups=4))
