"""Folded and packed models against the models they were made from."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from engine_cases import steady_model
from multibox.detection.engines import packed as packed_engine
from multibox.models.any_size import ssd_config
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig, light_config, slim300_config, ssdlite320_config
from multibox.models.folded import FoldedSSD, UnitNorm, scale_inputs
from multibox.models.heads import Extra
from multibox.models.ssd import SSD
from tiny_detector import CLASS_NAMES

TINY = replace(slim300_config(width=1 / 32), std=(58.0, 57.0, 55.0), mean=(123.675, 116.28, 103.53))
WITH_L2_NORM = replace(TINY, base=VGG16Config(width=1 / 32))


def lived_in(config: ModelConfig) -> SSD:
    """A model whose normalizations and L2 factors differ from channel to channel, as after training."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        model = SSD(config, CLASS_NAMES)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.2)
                nn.init.normal_(module.running_mean, std=0.2)
                nn.init.uniform_(module.running_var, 0.5, 2)
        for parameter in model.norm.parameters():
            nn.init.uniform_(parameter, 5, 20)
    return model.eval()


CONFIGS = {
    "batch norm": TINY,
    "residual": light_config(side=64, width=1 / 8),
    "L2Norm": WITH_L2_NORM,
    "L2Norm that predicts nothing": replace(
        WITH_L2_NORM, sources=(1, 2, 3, 4, 5), priors=TINY.priors.keep([1, 2, 3, 4, 5])
    ),
    **{name: ssd_config(name, 64) for name in ("mobilenet_v1", "mobilenet_v2", "resnet18", "resnet50")},
    "padding at one end": ssd_config("efficientnet_lite0", 64),
    "padding at one end or both": ssd_config("efficientnet_lite0", (66, 90)),
    "mobilenet": replace(ssdlite320_config(), extras=tuple(Extra(8, 16) for _ in range(4))),
}


def image_batch(config: ModelConfig, *, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (count, *config.input_size, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).permute(0, 3, 1, 2)


@pytest.mark.parametrize("name", CONFIGS)
@torch.inference_mode()
def test_a_folded_model_computes_the_same(name: str):
    """Offsets and logits on noise, which has no soft borders, against the original model, to float32 rounding."""
    model = lived_in(CONFIGS[name])
    images = image_batch(model.config)
    folded = FoldedSSD(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    for found, expected in zip(folded(images), model(images), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.skipif(not packed_engine.can_pack(), reason="this build of PyTorch has no oneDNN")
@pytest.mark.parametrize("name", CONFIGS)
@torch.inference_mode()
def test_a_packed_model_computes_the_same(name: str):
    """The same in oneDNN's layout, first with a batch of two and then of one, in float32 and in bfloat16."""
    model = lived_in(CONFIGS[name])
    types = [(torch.float32, 1e-4)]
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():  # not without AVX-512
        types.append((torch.bfloat16, 0.04))
    for dtype, tolerance in types:
        packed = FoldedSSD(model, dtype=dtype).to(memory_format=torch.channels_last)
        packed_engine.pack(packed)
        assert not any(isinstance(module, nn.Conv2d) for module in packed.modules())
        for count in (2, 1):
            images = image_batch(model.config, count=count)
            for found, expected in zip(packed(images), model(images), strict=True):
                assert found.dtype == torch.float32
                assert (found - expected).abs().max() <= tolerance * expected.abs().max()


@torch.inference_mode()
def test_the_model_itself_stays_as_it_was():
    """State and outputs of a model before and after it was folded, packed and run."""
    model = lived_in(CONFIGS["batch norm"])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    packed = FoldedSSD(model)
    packed_engine.pack(packed)
    packed(image_batch(model.config))
    assert before.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@torch.inference_mode()
def test_a_position_without_length_gives_zeros():
    """UnitNorm of zeros against zeros, and of other vectors against torch's own normalization."""
    x = torch.randn(1, 6, 2, 2, generator=torch.Generator().manual_seed(0))
    x[:, :, 0, 0] = 0
    expected = nn.functional.normalize(x, dim=1)
    torch.testing.assert_close(UnitNorm(1e-10)(x), expected)
    assert (UnitNorm(1e-10)(x)[:, :, 0, 0] == 0).all()


@torch.inference_mode()
def test_nothing_in_an_image_of_the_mean_color():
    """Zeros inside the network, where L2Norm divides by its epsilon, against finite numbers equal to the model's."""
    model = steady_model()
    images = torch.tensor([123, 117, 104], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 300, 300)
    for found, expected in zip(FoldedSSD(model)(images), model(images), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("groups", [1, 4])
@torch.inference_mode()
def test_scaled_inputs(groups: int):
    """A convolution, dense or depthwise, with scaled weights against the same convolution of scaled inputs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        convolution = nn.Conv2d(4, 8, 3, groups=groups)
        x, factors = torch.randn(1, 4, 6, 6), torch.rand(4)
    expected = convolution(x * factors.view(1, -1, 1, 1))
    scale_inputs(convolution, factors)
    torch.testing.assert_close(convolution(x), expected)
