"""What every base network promises in its config."""

import json
from dataclasses import asdict
from typing import get_args

import pytest
import torch
from torch import nn

from multibox.models.bases.config import BaseConfig
from multibox.models.bases.efficientnet_lite import EfficientNetLiteConfig
from multibox.models.bases.graph.config import GraphConfig
from multibox.models.bases.known import KINDS, KnownBase
from multibox.models.bases.mobilenet_v1 import MobileNetV1Config
from multibox.models.bases.mobilenet_v2 import MobileNetV2Config
from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.bases.resnet import ResNetConfig
from multibox.models.bases.resnet_imagenet import ResNetImageNetConfig
from multibox.models.bases.squeezenet import SqueezeNetConfig
from multibox.models.bases.ultralight import UltralightConfig
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig, source_cells
from multibox.models.heads import Extra
from multibox.models.ssd import SSD
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.weights.registry.bases import BASES

SIZE = Size(161, 226)
EXTRAS = (Extra(8, 16), Extra(8, 16, 3, 1, 0))
CONFIGS: tuple[BaseConfig, ...] = (
    VGG16Config(width=1 / 16),
    VGG16Config(atrous=False, width=1 / 64, batch_norm=True),
    ResNetConfig(width=1 / 8),
    MobileNetV3Config(),
    MobileNetV3Config(fine=True, full_tail=True),
    EfficientNetLiteConfig(),
    EfficientNetLiteConfig(version=2, laterals=()),
    MobileNetV2Config(width=1 / 4),
    MobileNetV2Config(fine=False, laterals=(), added="lite"),
    MobileNetV1Config(width=1 / 8),
    MobileNetV1Config(width=1 / 4, fine=False, added="lite"),
    ResNetImageNetConfig(depth=18),
    ResNetImageNetConfig(depth=50),
    MobileNetV1Config(width=1 / 4, added="pytorch-ssd"),
    MobileNetV1Config(width=1 / 4, added="pytorch-ssd-lite"),
    MobileNetV2Config(width=1 / 4, added="pytorch-ssd-lite"),
    VGG16Config(width=1 / 16, source_norm="batch"),
    SqueezeNetConfig(),
    UltralightConfig(),
    UltralightConfig(rfb=False),
)


def detector(base: BaseConfig) -> SSD:
    cells = source_cells(SIZE, base=base, extras=EXTRAS)
    priors = equation4_spec(SIZE, cells, ratios=[(2.0,)] * len(cells))
    torch.manual_seed(0)
    return SSD(ModelConfig("any", base, EXTRAS, priors), ("a", "b")).eval()


def test_all_kinds_are_tested() -> None:
    """The configs above against the union of known bases but the graph, which has own tests; kinds are unique."""
    assert {type(config) for config in CONFIGS} == set(get_args(KnownBase)) - {GraphConfig}
    assert len(set(KINDS)) == len(KINDS)


@pytest.mark.parametrize("base", CONFIGS, ids=repr)
@torch.inference_mode()
def test_channels_and_cells(base: BaseConfig) -> None:
    """Shapes of all maps on an oblong image with odd sides against `channels`, `strides` and `source_cells`."""
    model = detector(base)
    maps = model.base(torch.zeros(1, 3, *SIZE))
    assert [x.shape[1] for x in maps] == list(model.base.channels)
    for extra in model.extras:
        maps.append(extra(maps[-1]))
    assert [tuple(x.shape[2:]) for x in maps] == list(source_cells(SIZE, base=base, extras=EXTRAS))
    assert model(torch.zeros(1, 3, *SIZE))[0].shape[1] == model.config.priors.count


@pytest.mark.parametrize("base", CONFIGS, ids=repr)
def test_batch_norm(base: BaseConfig) -> None:
    """`has_batch_norm` against the layers of a detector on that base."""
    found = any(isinstance(module, nn.BatchNorm2d) for module in detector(base).modules())
    assert found == base.has_batch_norm


@pytest.mark.parametrize("base", CONFIGS, ids=repr)
def test_json(base: BaseConfig) -> None:
    """A model config with this base after a round trip through JSON against itself."""
    config = detector(base).config
    fields = json.loads(json.dumps(config.to_json()))
    assert fields["base"] == json.loads(json.dumps(asdict(base)))
    assert ModelConfig.from_json(fields) == config


@pytest.mark.parametrize("base", CONFIGS, ids=repr)
def test_imagenet_weights_are_published(base: BaseConfig) -> None:
    """The names of ImageNet weights against the list of published base networks."""
    assert set(base.imagenet_weights) <= {entry.name for entry in BASES}
