"""MobileNetV3-Large and SSDLite's structure."""

import pytest
import torch
from torch import nn

from multibox.models.bases.mobilenet_v3 import InvertedResidual, MobileNetV3Large, SqueezeExcitation, convolution
from multibox.models.ssd import SSD, ssdlite320

COCO_CLASSES = 90  # 91 outputs with background, as in the published model


@pytest.fixture(scope="module")
def model() -> SSD:
    return ssdlite320([f"class {i}" for i in range(COCO_CLASSES)]).eval()


def test_number_of_parameters(model: SSD) -> None:
    """3,440,060 parameters with 91 outputs: the number that torchvision publishes for its model of that name."""
    assert sum(p.numel() for p in model.parameters()) == 3_440_060


def test_source_shapes(model: SSD) -> None:
    """The six source maps at 320 x 320 have the published channels and sides."""
    maps = model.base(torch.zeros(1, 3, 320, 320))
    for extra in model.extras:
        maps.append(extra(maps[-1]))
    expected = [(672, 20), (480, 10), (512, 5), (256, 3), (256, 2), (128, 1)]
    assert [tuple(x.shape[1:]) for x in maps] == [(channels, side, side) for channels, side in expected]


def test_outputs_fit_the_priors(model: SSD) -> None:
    """3234 priors, six for each cell, and as many rows of offsets and scores."""
    offsets, logits = model(torch.zeros(1, 3, 320, 320))
    assert model.config.priors.count == 6 * (400 + 100 + 25 + 9 + 4 + 1) == 3234
    assert offsets.shape == (1, 3234, 4)
    assert logits.shape == (1, 3234, 91)


def test_fine_source() -> None:
    """`fine` adds the 240 channels of the block that reaches stride 16, at stride 8."""
    base = MobileNetV3Large(fine=True).eval()
    assert base.channels == (240, 672, 480)
    assert [tuple(x.shape[1:]) for x in base(torch.zeros(1, 3, 320, 256))] == [
        (240, 40, 32),
        (672, 20, 16),
        (480, 10, 8),
    ]


def test_full_tail() -> None:
    """The wide tail has the 160 and 960 channels of the paper's Table 1; a source of 672 as before."""
    with torch.device("meta"):
        base = MobileNetV3Large(full_tail=True)
    assert base.channels == (672, 960)
    assert [block.project[0].out_channels for block in base.blocks][-3:] == [160, 160, 160]


def test_table1_of_the_paper() -> None:
    """Parameters of the ImageNet body (without its classifier): 2,971,952, which all known copies of Table 1 have."""
    with torch.device("meta"):
        base = MobileNetV3Large(full_tail=True)
    assert sum(p.numel() for p in base.parameters()) == 2_971_952


def test_squeeze_and_excitation() -> None:
    """Channels times hard sigmoid of two small layers on the mean of the map, one number at a time."""
    torch.manual_seed(0)
    layer, x = SqueezeExcitation(16), torch.randn(2, 16, 3, 4)
    assert layer.reduce.out_channels == 8
    out = layer(x)
    for b in range(2):
        mean = torch.stack([x[b, c].mean() for c in range(16)])
        between = (layer.reduce.weight[:, :, 0, 0] @ mean + layer.reduce.bias).clamp(min=0)
        weight = ((layer.expand.weight[:, :, 0, 0] @ between + layer.expand.bias + 3) / 6).clamp(0, 1)
        torch.testing.assert_close(out[b], x[b] * weight[:, None, None], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("channels", [16, 24, 40, 72, 120, 240, 480, 672, 960])
def test_squeezed_channels(channels: int) -> None:
    """A quarter of the channels, to a multiple of 8 that is at least 8 and not 10 % below."""
    between = SqueezeExcitation(channels).reduce.out_channels
    assert between % 8 == 0
    assert between >= max(8, 0.9 * (channels // 4))
    assert between - 8 < channels // 4 + 4 or between == 8


def test_shortcuts() -> None:
    """Ten of the fifteen blocks keep size and channels and add their input."""
    with torch.device("meta"):
        blocks = list(MobileNetV3Large().blocks)
    assert all(isinstance(block, InvertedResidual) for block in blocks)
    assert [i for i, block in enumerate(blocks) if not block.shortcut] == [1, 3, 6, 10, 12]


def test_normalization() -> None:
    """Every normalization has epsilon 0.001 and momentum 0.03, as the published training has."""
    layers = [m for m in convolution(4, 8, activation=nn.ReLU).modules() if isinstance(m, nn.BatchNorm2d)]
    assert [(m.eps, m.momentum) for m in layers] == [(0.001, 0.03)]
