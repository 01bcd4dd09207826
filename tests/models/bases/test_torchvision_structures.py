"""ResNet-18 to 101 and MobileNetV2 against what torchvision computes with the same values (torchvision_bases.json)."""

import json

import pytest
import torch

from models.bases.torchvision_values import NAMES, NUMBERS, image, numbers, values
from multibox.models.bases.config import BaseConfig
from multibox.models.bases.mobilenet_v2 import MobileNetV2Config
from multibox.models.bases.resnet_imagenet import ResNetImageNetConfig
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet.load import READERS

RECORDED = json.loads(NUMBERS.read_text())
CONFIGS: dict[str, BaseConfig] = {
    **ResNetImageNetConfig.named(),
    "mobilenet_v2": MobileNetV2Config(laterals=()),
}


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_maps_of_torchvisions_weights(name: str) -> None:
    """Each tensor of their file has its place in the base, and the source maps have the recorded values."""
    shapes = {key: tuple(shape) for key, *shape in RECORDED[name]["tensors"]}
    given = {**values(shapes), "fc.weight": torch.zeros(1)}
    config = CONFIGS[name]
    with torch.device("meta"):
        base = config.build()
    counters = {key: torch.tensor(0) for key in base.state_dict() if key.endswith("num_batches_tracked")}
    weights = READERS[type(config)](ForeignWeights("theirs.pth", given | counters), config)
    assert weights is not None
    assert set(weights.tensors) == set(shapes) | set(counters)
    base.load_state_dict(weights.tensors, assign=True)
    found = torch.tensor(numbers(base.eval()(image())))
    torch.testing.assert_close(found, torch.tensor(RECORDED[name]["maps"]), rtol=2e-4, atol=2e-5)
