"""Training of convolutions in bfloat16 on a processor, against float32 and definitions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from multibox.models.config import light_config
from multibox.models.mixed import MixedConv2d
from multibox.models.ssd import SSD


def test_grouped_layers_train_in_float32_among_bfloat16() -> None:
    """Output and gradients under autocast against those in float32 of the same rounded input, rounded once."""
    torch.manual_seed(0)
    layer = MixedConv2d(6, 6, 3, padding=1, groups=3, bias=False)
    x = torch.randn(2, 6, 9, 9).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(x.requires_grad_())
    assert out.dtype == torch.bfloat16
    weights = torch.randn_like(out)
    (out * weights).sum().backward()
    plain = x.detach().float().requires_grad_()
    expected = F.conv2d(plain, layer.weight.detach().requires_grad_(), padding=1, groups=3)
    assert torch.equal(out, expected.bfloat16())
    expected.backward(weights.float())
    assert x.grad is not None
    assert plain.grad is not None
    torch.testing.assert_close(x.grad, plain.grad.bfloat16())


def test_depthwise_layers_train_in_bfloat16() -> None:
    """Output and the gradient of the kernel, against float32 with the values that bfloat16 can hold."""
    torch.manual_seed(0)
    layer = MixedConv2d(16, 16, 5, padding=2, groups=16, bias=False)
    x = torch.randn(2, 16, 9, 9).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(x)
    out.sum().backward()
    kernel = layer.weight.detach().bfloat16().float().requires_grad_()
    expected = F.conv2d(x.float(), kernel, padding=2, groups=16)
    expected.sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == torch.float32
    torch.testing.assert_close(out, expected.bfloat16(), rtol=0.01, atol=1e-3)
    torch.testing.assert_close(layer.weight.grad, kernel.grad, rtol=0.01, atol=0.05)


def test_layers_that_are_not_trained_keep_autocast() -> None:
    """Inference in bfloat16 against the plain layer."""
    layer = MixedConv2d(4, 4, 3, groups=4, bias=False)
    x = torch.randn(1, 4, 5, 5)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(x), F.conv2d(x, layer.weight, groups=4))


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"), [(1, 3, 2, 1), (1, 3, 3, 1), (1, 5, 2, 2), (2, 3, 3, 1), (3, 3, 2, 1)]
)
def test_weights_that_see_only_padding_have_no_gradient(side: int, kernel: int, stride: int, padding: int) -> None:
    """Maps smaller than the kernel, with large numbers in freed memory, against the gradient in float32."""
    torch.manual_seed(0)
    layer = MixedConv2d(32, 48, kernel, stride=stride, padding=padding, bias=False)
    x = torch.randn(2, 32, side, side).bfloat16().contiguous(memory_format=torch.channels_last)
    for _ in range(5):
        freed = torch.full((2 * layer.weight.numel(),), 1e30)
        del freed
        layer.weight.grad = None
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = layer(x)
        out.float().sum().backward()
        expected = nn.grad.conv2d_weight(
            x.float(), layer.weight.shape, torch.ones(out.shape), stride=stride, padding=padding
        )
        assert layer.weight.grad is not None
        torch.testing.assert_close(layer.weight.grad, expected, rtol=0.02, atol=0.05)


def test_every_convolution_of_a_model_is_mixed() -> None:
    """The layers of a model with maps of one cell."""
    model = SSD(light_config(side=96, width=1 / 8), ("a",))
    kinds = {type(module) for module in model.modules() if isinstance(module, nn.Conv2d)}
    assert kinds == {MixedConv2d}
