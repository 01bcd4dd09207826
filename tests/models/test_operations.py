"""Counts of operations against published ones and PyTorch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from multibox.models.operations import count_operations, count_training_operations
from multibox.models.ssd import SSD, ssd300
from tiny_detector import tiny_model


def test_operations_of_ssd300():
    """SSD300 with 21 outputs against the 62.8 GFLOP that OpenVINO's model zoo states for the authors' model."""
    with torch.random.fork_rng(devices=[]):
        model = ssd300([str(i) for i in range(20)])
    assert count_operations(model) == pytest.approx(62.8, abs=0.3)


def test_operations_of_a_training_step():
    """A tiny network, forward and backward, against PyTorch's counter of operations."""
    model: SSD = tiny_model().train()
    with FlopCounterMode(display=False) as counter:
        offsets, logits = model(torch.zeros(2, 3, 300, 300))
        (offsets.sum() + logits.sum()).backward()
    assert count_training_operations(model) == pytest.approx(counter.get_total_flops() / 2e9, rel=1e-6)
