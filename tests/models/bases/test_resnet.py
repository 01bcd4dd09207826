"""The residual base of the light detectors."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from multibox.models.bases.resnet import Block, ResNet
from multibox.models.config import light_config
from multibox.models.ssd import SSD


def normalized(x: Tensor, norm: nn.Module) -> Tensor:
    """Batch normalization in evaluation, from its formula."""
    shape = (1, -1, 1, 1)
    mean, variance = norm.running_mean.view(shape), norm.running_var.view(shape)
    return (x - mean) / (variance + norm.eps).sqrt() * norm.weight.view(shape) + norm.bias.view(shape)


@pytest.mark.parametrize("stride", [1, 2])
@torch.no_grad()
def test_a_block_is_its_formula(stride: int) -> None:
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)) written with functions against the module."""
    torch.manual_seed(0)
    block = Block(4, 4 * stride, stride=stride)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    x = torch.randn(2, 4, 7, 8)
    first, norm1, _, second, norm2 = block.residual
    inside = F.relu(normalized(F.conv2d(x, first.weight, stride=stride, padding=1), norm1))
    residual = normalized(F.conv2d(inside, second.weight, padding=1), norm2)
    shortcut = x
    if stride == 2:
        shortcut = normalized(F.conv2d(x, block.shortcut[0].weight, stride=2), block.shortcut[1])
    assert torch.allclose(block.eval()(x), F.relu(residual + shortcut), atol=1e-5)


@pytest.mark.parametrize("side", [64, 96, 160, 225, 300])
def test_the_maps_are_those_of_the_priors(side: int) -> None:
    """Sides of the source maps in a forward pass, each half of the previous one, against the cells of the priors."""
    config = light_config(side=side, width=1 / 16)
    model = SSD(config, ("a", "b")).eval()
    with torch.inference_mode():
        offsets, logits = model(torch.zeros(1, 3, side, side))
    cells = [side // 8 + (side % 8 > 0)]
    while len(cells) < 6:
        cells.append((cells[-1] + 1) // 2)
    assert [m.cells for m in config.priors.maps] == [(n, n) for n in cells]
    assert offsets.shape[1] == logits.shape[1] == sum(n * n * k for n, k in zip(cells, (4, 6, 6, 6, 4, 4), strict=True))


def test_strides_and_width() -> None:
    """Channels and sizes of the three source maps at a quarter of the width against stage channels and strides."""
    maps = ResNet(width=0.25).eval()(torch.zeros(1, 3, 128, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(32, 16, 8), (64, 8, 4), (128, 4, 2)]


def test_weights_fit_any_side() -> None:
    """Names and shapes of all values for two input sides: equal, so that training can continue at another side."""
    small, large = (SSD(light_config(side=side, width=1 / 16), ("a",)).state_dict() for side in (96, 160))
    assert {name: value.shape for name, value in small.items()} == {n: v.shape for n, v in large.items()}
