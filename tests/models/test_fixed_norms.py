"""Training with batch normalization as part of the convolutions, against the layers themselves."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from multibox import ssd
from multibox.models.bases.efficientnet_lite import EfficientNetLiteConfig
from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig, source_cells
from multibox.models.fixed_norms import NormalizedConv2d, fold_fixed_norms
from multibox.models.heads import Extra
from multibox.models.mixed import use_mixed_convolutions
from multibox.models.ssd import SSD
from multibox.priors import equation4_spec
from multibox.size import Size


def varied(model: nn.Module) -> nn.Module:
    """Give the normalizations statistics and parameters other than 0 and 1."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            for value in (module.bias, module.running_mean):
                nn.init.normal_(value, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model


def gradients(network: nn.Module, model: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad(set_to_none=True)
    offsets, logits = network(images)
    (offsets.square().sum() + logits.square().sum()).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("base", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "resnet18", "resnet50"])
def test_a_rectifier_after_a_sum_stays_there(base: str) -> None:
    """Folded against plain outputs of bases with shortcuts: in the order of layers, some could be mistaken."""
    torch.manual_seed(0)
    model = varied(ssd(base=base, size=64, class_names=("a", "b"))).train()
    for module in model.modules():
        module.train(not isinstance(module, nn.BatchNorm2d | nn.Dropout))
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        for found, expected in zip(fold_fixed_norms(model)(images), model(images), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_outputs_and_gradients_of_models() -> None:
    """Three bases whose first normalizations are fixed, in double precision; the others keep measuring."""
    size, extras = Size(96, 96), (Extra(8, 16),)
    for base in (EfficientNetLiteConfig(), MobileNetV3Config(), VGG16Config(width=1 / 16, batch_norm=True)):
        torch.manual_seed(0)
        cells = source_cells(size, base=base, extras=extras)
        priors = equation4_spec(size, cells, ratios=[(2.0,)] * len(cells))
        model = SSD(ModelConfig("any", base, extras, priors), ("a", "b"))
        varied(model).double().train()
        for module in model.base.modules():
            module.train(not isinstance(module, nn.BatchNorm2d))
        images = 255 * torch.rand(3, 3, 96, 96, dtype=torch.float64)
        network = fold_fixed_norms(model)
        assert any(isinstance(module, NormalizedConv2d) for module in network.modules())
        measured = [buffer for name, buffer in model.named_buffers() if "extras" in name and "running" in name]
        before = [buffer.clone() for buffer in measured]
        own = gradients(network, model, images)
        assert not any(torch.equal(a, b) for a, b in zip(measured, before, strict=True))
        expected = gradients(model, model, images)
        assert own.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(own[name], value, rtol=1e-8, atol=1e-8 * float(value.abs().max()) + 1e-12)


def test_a_folded_module_shares_its_values_and_leaves_the_original() -> None:
    """Identity of all tensors, the structure of the original, and that later changes are seen."""
    torch.manual_seed(0)
    model = varied(nn.Sequential(nn.Conv2d(3, 4, 3, bias=True), nn.BatchNorm2d(4), nn.ReLU())).eval()
    use_mixed_convolutions(model)
    network = fold_fixed_norms(model)
    assert [type(layer) for layer in model][1:] == [nn.BatchNorm2d, nn.ReLU]
    assert [type(layer) for layer in network.children()] == [NormalizedConv2d, nn.Identity, nn.Identity]
    assert set(map(id, network.parameters())) == set(map(id, model.parameters()))
    assert set(map(id, network.buffers())) == set(map(id, model.buffers()))
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        model[1].weight.mul_(3)
        model[1].running_mean.add_(1)
    torch.testing.assert_close(network(x), model(x))


def test_what_measures_is_not_folded() -> None:
    """A model in training mode, against itself."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    use_mixed_convolutions(model)
    assert fold_fixed_norms(model) is model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rectifier", [nn.ReLU, nn.ReLU6])
@pytest.mark.parametrize("shape", [(8, 16, 3, 1, 1), (16, 16, 5, 1, 16), (16, 16, 3, 2, 16), (16, 16, 3, 1, 4)])
def test_a_rectifier_is_part_of_its_convolution(
    dtype: torch.dtype, rectifier: type[nn.Module], shape: tuple[int, int, int, int, int]
) -> None:
    """Output and gradients of dense, depthwise and grouped layers, against the three layers in double precision."""
    torch.manual_seed(0)
    channels, out, kernel, stride, groups = shape
    layers = (
        nn.Conv2d(channels, out, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
        rectifier(inplace=True),
    )
    model = varied(nn.Sequential(*layers)).eval()
    exact = deepcopy(model).double()
    use_mixed_convolutions(model)
    network = fold_fixed_norms(model)
    x = (4 * torch.randn(2, channels, 8, 8)).to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    wide = x.detach().double().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        own = network(x)
    expected = exact(wide)
    weights = torch.randn_like(own)
    own.backward(weights)
    expected.backward(weights.double())
    assert own.dtype == dtype
    tolerance = 0.25 if dtype == torch.bfloat16 else 1e-5
    pairs = [(own, expected), (x.grad, wide.grad)]
    pairs += [(a.grad, b.grad) for a, b in zip(model.parameters(), exact.parameters(), strict=True)]
    for value, reference in pairs:
        assert value is not None
        assert reference is not None
        assert (value.detach().double() - reference).detach().norm() < tolerance * reference.detach().norm()
