"""The VGG16 base and L2 normalization."""

from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from multibox.models.bases.vgg import VGG16
from multibox.models.layers import L2Norm
from oracles import slow

# (kernel, channels in, channels out) of all convolutions, from the tables of the VGG and SSD papers.
CONVOLUTIONS = [
    (3, 3, 64), (3, 64, 64),
    (3, 64, 128), (3, 128, 128),
    (3, 128, 256), (3, 256, 256), (3, 256, 256),
    (3, 256, 512), (3, 512, 512), (3, 512, 512),
    (3, 512, 512), (3, 512, 512), (3, 512, 512),
]  # fmt: skip
ATROUS, FULL = [(3, 512, 1024), (1, 1024, 1024)], [(7, 512, 4096), (1, 4096, 4096)]


def source_shapes(base: nn.Module, height: int, width: int) -> list[tuple[int, ...]]:
    """(channels, height, width) of the source maps; nothing is computed."""
    return [tuple(x.shape[1:]) for x in base.to("meta").eval()(torch.empty(1, 3, height, width, device="meta"))]


def parameters(convolutions: list[tuple[int, int, int]]) -> int:
    return sum(kernel**2 * inside * out + out for kernel, inside, out in convolutions)


@pytest.mark.parametrize(("atrous", "tail"), [(True, ATROUS), (False, FULL)])
def test_number_of_parameters(atrous: bool, tail: list[tuple[int, int, int]]) -> None:
    """As many parameters as kernel² · in · out + out over the layers of the published tables."""
    with torch.device("meta"):
        base = VGG16(atrous=atrous)
    assert sum(p.numel() for p in base.parameters()) == parameters(CONVOLUTIONS + tail)


def test_atrous_sources() -> None:
    """Maps of conv4_3 and fc7 against sides worked out by hand: halved four times, rounded up (75 to 38)."""
    with torch.device("meta"):
        base = VGG16()
    assert base.channels == (512, 1024)
    assert source_shapes(base, 300, 300) == [(512, 38, 38), (1024, 19, 19)]
    assert source_shapes(base, 512, 512) == [(512, 64, 64), (1024, 32, 32)]
    assert source_shapes(base, 200, 333) == [(512, 25, 42), (1024, 13, 21)]


def test_full_sources() -> None:
    """Table 2's network without atrous also returns conv5_3, and fc7 at stride 32, against sides worked out by hand."""
    with torch.device("meta"):
        base = VGG16(atrous=False)
    assert base.channels == (512, 512, 4096)
    assert source_shapes(base, 300, 300) == [(512, 38, 38), (512, 19, 19), (4096, 10, 10)]
    assert source_shapes(base, 256, 320) == [(512, 32, 40), (512, 16, 20), (4096, 8, 10)]


def test_layer_names() -> None:
    """Layer names against those of the published Caffe model, which importers rely on."""
    with torch.device("meta"):
        names = [name for name, layer in VGG16().named_children() if isinstance(layer, nn.Conv2d)]
    depth = (2, 2, 3, 3, 3)
    expected = [f"conv{stage}_{j}" for stage, count in enumerate(depth, start=1) for j in range(1, count + 1)]
    assert names == [*expected, "fc6", "fc7"]


def test_narrow() -> None:
    """A width of 1/8 has an eighth of all channels, in the sources and in every convolution, except for the colors."""
    with torch.device("meta"):
        base = VGG16(width=1 / 8)
    assert base.channels == (64, 128)
    outs = [layer.out_channels for layer in base.modules() if isinstance(layer, nn.Conv2d)]
    assert outs == [out // 8 for _, _, out in CONVOLUTIONS + ATROUS]


def test_batch_norm() -> None:
    """With normalization every convolution loses its bias, is followed by a normalization, and maps keep their size."""
    base = VGG16(width=1 / 8, batch_norm=True).eval()
    layers = list(base.children())
    for layer, following in pairwise(layers):
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is None
            assert isinstance(following, nn.BatchNorm2d)
            assert following.num_features == layer.out_channels
    assert [tuple(x.shape[1:]) for x in base(torch.zeros(1, 3, 44, 60))] == [(64, 6, 8), (128, 3, 4)]


def test_sources_are_not_changed_later() -> None:
    """The map of conv4_3 is its own ReLU's output, although later layers work in place."""
    torch.manual_seed(0)
    base = VGG16(width=1 / 16)
    seen: list[Tensor] = []
    relu = base.get_submodule("relu4_3")
    relu.register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    first = base(torch.randn(1, 3, 64, 64))[0]
    assert torch.equal(first, seen[0])
    assert (first >= 0).all()


def test_l2_norm() -> None:
    """Values within 1e-6 relative of the slow loop in double precision."""
    rng = np.random.default_rng(0)
    x, scale = rng.normal(size=(2, 7, 3, 4)).astype(np.float32), rng.uniform(1, 30, 7).astype(np.float32)
    norm = L2Norm(7)
    with torch.no_grad():
        norm.weight.copy_(torch.from_numpy(scale))
        ours = norm(torch.from_numpy(x))
    np.testing.assert_allclose(ours, slow.l2_norm(x, scale.tolist()), rtol=1e-6, atol=1e-6)


def test_l2_norm_starts_at_twenty() -> None:
    """The learned factor starts at 20 for each channel: every position has length 20."""
    norm = L2Norm(5)
    lengths = norm(torch.randn(1, 5, 3, 3, generator=torch.Generator().manual_seed(0))).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, 20))


def test_l2_norm_in_half_precision() -> None:
    """bfloat16 in, bfloat16 out, with the sum of squares in float32: large values do not overflow or lose their sum."""
    x = torch.full((1, 512, 2, 2), 200.0, dtype=torch.float16)
    y = L2Norm(512)(x)
    assert y.dtype == torch.float16
    torch.testing.assert_close(y.float(), torch.full_like(y.float(), 20 / 512**0.5), rtol=1e-3, atol=0)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pooling_before_rectifying_changes_nothing(batch_norm: bool, dtype: torch.dtype) -> None:
    """Maps and gradients of a network in training, against its layers one after the other, bit by bit."""
    torch.manual_seed(0)
    network = VGG16(width=1 / 16, batch_norm=batch_norm).train()
    plain = deepcopy(network)
    images = torch.randn(2, 3, 75, 75).contiguous(memory_format=torch.channels_last)

    def gradients(base: VGG16, maps: list[torch.Tensor]) -> list[torch.Tensor | None]:
        sum(map_.float().square().sum() for map_ in maps).backward()
        return [parameter.grad for parameter in base.parameters()]

    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        maps, expected, x = network(images), [], images
        for name, layer in plain.named_children():
            x = layer(x)
            expected += [x] if name in plain.taps else []
    assert all(torch.equal(a, b) for a, b in zip(maps, expected, strict=True))
    for own, reference in zip(gradients(network, maps), gradients(plain, expected), strict=True):
        assert own is not None
        assert reference is not None
        assert torch.equal(own, reference)
