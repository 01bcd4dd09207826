"""Synthetic outputs: the requested number of candidates, and objects that suppression finds."""

import pytest
import torch

from multibox.bench.lifelike import count_candidates, lifelike_outputs
from multibox.coder import Coder
from multibox.models.config import ssdlite320_config
from multibox.nms import select


@pytest.mark.parametrize("candidates", [50, 700])
def test_the_requested_number_of_candidates(candidates: int):
    """Scores above the threshold, counted image by image, against the requested number."""
    config = ssdlite320_config()
    outputs = lifelike_outputs(
        config, classes=5, images=2, candidates=candidates, generator=torch.Generator().manual_seed(0)
    )
    threshold = config.detection.score_threshold
    counts = [(logits.softmax(dim=-1)[:, 1:] > threshold).sum().item() for logits in outputs.logits]
    assert sum(counts) / 2 == pytest.approx(candidates, abs=1)
    assert count_candidates(outputs.logits, threshold=threshold) == sum(counts) / 2


def test_suppression_removes_candidates():
    """Detections of a synthetic image: fewer than the candidates, because boxes of one object overlap."""
    config = ssdlite320_config()
    outputs = lifelike_outputs(config, classes=5, images=1, candidates=200, generator=torch.Generator().manual_seed(1))
    boxes = Coder(config.priors, variances=config.variances).decode(outputs.offsets)[0]
    found = select(boxes, outputs.logits[0].softmax(dim=-1)[:, 1:], settings=config.detection)
    assert 5 <= len(found.scores) <= 150
