"""Detections chosen from raw outputs in less time, against the model's own way."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multibox.detection.postprocess import Chooser
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings
from multibox.priors import PriorMap, PriorSpec, Step
from multibox.size import Size
from tiny_detector import CLASS_NAMES, tiny_model

MAPS = (
    PriorMap(Size(6, 5), Step(50.0, 60.0), 40.0, 90.0, (2.0,)),
    PriorMap(Size(2, 2), Step(150.0, 150.0), 120.0, None, ()),
)


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    return replace(tiny_model().config, priors=PriorSpec(Size(300, 300), MAPS), sources=(0, 1))


@given(
    seed=st.integers(0, 2**16),
    background=st.floats(-3, 12),
    threshold=st.sampled_from([0.0, 0.001, 0.01, 0.3, 0.9]),
    clip=st.booleans(),
)
def test_the_choice_is_the_models(config: ModelConfig, seed: int, background: float, threshold: float, clip: bool):
    """Random outputs of two images, from full of candidates to none, against SSD.postprocess, bit for bit."""
    config = replace(config, clip=clip, detection=DetectionSettings(score_threshold=threshold, per_class=20))
    model = SSD(config, CLASS_NAMES)
    generator = torch.Generator().manual_seed(seed)
    offsets = torch.randn(2, config.priors.count, 4, generator=generator)
    logits = 2 * torch.randn(2, config.priors.count, 4, generator=generator)
    logits[..., 0] += background
    for found, expected in zip(Chooser(config)(offsets, logits), model.postprocess(offsets, logits), strict=True):
        assert torch.equal(found.scores, expected.scores)
        assert torch.equal(found.labels, expected.labels)
        assert torch.equal(found.boxes.clamp(0, 1), expected.boxes)
