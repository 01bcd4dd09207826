"""The numbers of the machine."""

import pytest
import torch

from multibox.bench.machine import (
    describe_machine,
    device_name,
    peak_memory,
    product_rate,
    resident_memory,
    share_of_products,
)


def test_the_machine_is_described():
    """Rates and memory are positive; the description has all fields."""
    assert product_rate(torch.float32) > 0
    assert resident_memory() >= 0
    assert peak_memory(torch.device("cpu")) > 0.8 * resident_memory()  # the kernel counts both in its own batches
    assert {"processor", "cores", "threads", "load", "torch"} <= set(describe_machine())
    assert device_name(torch.device("cpu")) == describe_machine()["processor"]


def test_matrices_are_random_and_the_same(monkeypatch: pytest.MonkeyPatch):
    """The factors of two measurements against each other and against the state of the global generator."""
    factors = []
    monkeypatch.setattr(torch, "mm", lambda a, b: factors.append((a, b)))
    state = torch.get_rng_state()
    product_rate(torch.bfloat16)
    product_rate(torch.bfloat16)
    assert all(torch.equal(matrix, factors[0][0]) for pair in factors for matrix in pair)
    assert factors[0][0].dtype == torch.bfloat16
    assert len(factors[0][0].unique()) > 1000
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("computes", "share"),
    [
        ("fp32", 2.0),
        ("PyTorch 2.13.0 with packed weights, fp32; this processor is faster with precision bf16", 2.0),
        ("OpenVINO 2026.4.1, bf16", 0.5),
        ("OpenVINO 2026.4.1, int8", 0.25),
        ("ONNX Runtime, fp16", None),
        ("LiteRT", None),
    ],
)
def test_shares_of_the_rate(computes: str, share: float | None):
    """Descriptions of engines against 200 / 100, 200 / 400 and 200 / 800; none without a rate."""
    assert share_of_products(200.0, computes=computes, rates={"fp32": 100.0, "bf16": 400.0}) == share
