"""L2Norm, forward and backward, against the official Normalize layer."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from multibox.models.layers import L2Norm
from oracles.official import EDITIONS, Official, official

both_scales = pytest.mark.parametrize("case", ["", "2"], ids=["scale 20", "scale per channel"])
both_editions = pytest.mark.parametrize("edition", EDITIONS)


class Pass(NamedTuple):
    y: np.ndarray
    x_gradient: np.ndarray
    scale_gradient: np.ndarray


def ours(arrays: Official, case: str) -> Pass:
    x = torch.from_numpy(arrays["x"]).requires_grad_()
    norm = L2Norm(x.shape[1])
    with torch.no_grad():
        norm.weight.copy_(torch.from_numpy(arrays[f"scale{case}"]))
    y = norm(x)
    y.backward(torch.from_numpy(arrays["top_diff"]))
    assert x.grad is not None
    assert norm.weight.grad is not None
    return Pass(y.detach().numpy(), x.grad.numpy(), norm.weight.grad.numpy())


def assert_close_by_position(actual: np.ndarray, expected: np.ndarray) -> None:
    """Within 3e-6 of the largest number of the position: at the all-zero one gradients are 2e6 times as large."""
    scale = np.abs(expected).max(axis=1, keepdims=True)
    np.testing.assert_allclose(actual / scale, expected / scale, rtol=0, atol=3e-6)


@both_editions
@both_scales
def test_forward_and_scale_gradient(case: str, edition: str) -> None:
    """Output within 3e-6 relative and gradient of the scales within 3e-5 of the official numbers."""
    arrays = official("normalize", edition=edition)
    result = ours(arrays, case)
    np.testing.assert_allclose(result.y, arrays[f"y{case}"], rtol=3e-6, atol=3e-6)
    np.testing.assert_allclose(result.scale_gradient, arrays[f"scale_diff{case}"], rtol=3e-6, atol=3e-5)


@both_editions
def test_input_gradient_where_scales_are_equal(edition: str) -> None:
    """Input gradient is the official one, within 3e-6 of the largest of its position, if all scales are 20."""
    arrays = official("normalize", edition=edition)
    assert_close_by_position(ours(arrays, "").x_gradient, arrays["x_diff"])


@both_editions
def test_input_gradient_where_scales_differ(edition: str) -> None:
    """Ours is the derivative, the official one its formula for equal scales: both written out here in float64.

    With g the gradient above, s the scales and n the norm: the derivative is (s g - x Σ s x g / n²) / n; the official
    layer takes s (g - x Σ x g / n²) / n, which is the same only where all scales are equal.
    """
    arrays = official("normalize", edition=edition)
    x, g = arrays["x"].astype(np.float64), arrays["top_diff"].astype(np.float64)
    s = arrays["scale2"].astype(np.float64)[:, None, None]
    n = np.sqrt((x * x).sum(axis=1, keepdims=True) + 1e-10)
    derivative = (s * g - x * (s * x * g).sum(axis=1, keepdims=True) / n**2) / n
    theirs = s * (g - x * (x * g).sum(axis=1, keepdims=True) / n**2) / n
    assert_close_by_position(ours(arrays, "2").x_gradient, derivative)
    assert_close_by_position(arrays["x_diff2"], theirs)


@both_editions
def test_zero_position(edition: str) -> None:
    """If all channels are 0, the gradient is scale / √1e-10 times the one above, because eps is inside the root."""
    arrays = official("normalize", edition=edition)
    zero = np.abs(arrays["x"]).max(axis=1) == 0
    assert zero.any()
    gradient = np.moveaxis(ours(arrays, "").x_gradient, 1, -1)[zero]
    above = np.moveaxis(arrays["top_diff"], 1, -1)[zero]
    np.testing.assert_allclose(gradient, above * 20 / np.sqrt(1e-10), rtol=1e-5)
