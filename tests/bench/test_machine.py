"""The numbers of the machine."""

import torch

from multibox.bench.machine import describe_machine, device_name, peak_memory, product_rate, resident_memory


def test_the_machine_is_described():
    """Rates and memory are positive; the description has all fields."""
    assert product_rate(torch.float32) > 0
    assert resident_memory() >= 0
    assert peak_memory(torch.device("cpu")) > 0.8 * resident_memory()  # the kernel counts both in its own batches
    assert {"processor", "cores", "threads", "load", "torch"} <= set(describe_machine())
    assert device_name(torch.device("cpu")) == describe_machine()["processor"]
