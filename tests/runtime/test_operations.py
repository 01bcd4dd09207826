"""Counts of operations and the numbers of the machine against published and simple ones."""

import pytest
import torch

from multibox.models.ssd import ssd300
from multibox.runtime.machine import machine, product_rate, resident_memory
from multibox.runtime.operations import count_operations


def test_operations_of_ssd300():
    """SSD300 with 21 outputs against the 62.8 GFLOP that OpenVINO's model zoo states for the authors' model."""
    with torch.random.fork_rng(devices=[]):
        model = ssd300([str(i) for i in range(20)])
    assert count_operations(model) == pytest.approx(62.8, abs=0.3)


def test_the_machine_is_described():
    """Rates and memory against being positive, the description against its fields."""
    assert product_rate(torch.float32) > 0
    assert resident_memory() >= 0
    assert {"processor", "cores", "threads", "load", "torch"} <= set(machine())
