"""The numbers of the machine and the clock against simple ones."""

import time

import pytest
import torch

from multibox.bench.clock import Clock
from multibox.bench.machine import device_name, machine, peak_memory, product_rate, resident_memory


def test_the_machine_is_described():
    """Rates and memory against being positive, the description against its fields."""
    assert product_rate(torch.float32) > 0
    assert resident_memory() >= 0
    assert peak_memory(torch.device("cpu")) > 0.8 * resident_memory()  # the kernel counts both in its own batches
    assert {"processor", "cores", "threads", "load", "torch"} <= set(machine())
    assert device_name(torch.device("cpu")) == machine()["processor"]


def test_parts_of_one_name_add_up():
    """Three parts, two of one name, against the time spent asleep in them."""
    clock = Clock(torch.device("cpu"))
    for name in ("a", "b", "a"):
        time.sleep(0.002)
        clock.mark(name)
    times = clock.milliseconds()
    assert list(times) == ["a", "b"]
    assert times["a"] >= 4
    assert times["b"] >= 2
    assert sum(times.values()) == pytest.approx(times["a"] + times["b"])
