"""Layers of a graph that OpenCV computes otherwise or not at all, against slow loops from Caffe's definitions."""

import numpy as np
import pytest
import torch

from multibox.models.bases.graph.layers.joining import Broadcast
from multibox.models.bases.graph.layers.layer import Layer, MisfitError
from multibox.models.bases.graph.layers.learned import Normalize, Scale
from multibox.models.bases.graph.layers.padding import Pad
from multibox.models.bases.graph.layers.pointwise import Activation
from multibox.models.bases.graph.layers.pooling import LocalResponseNorm, Pool
from multibox.models.bases.graph.layers.shaping import SelectChannels
from multibox.models.bases.graph.layers.upsampling import Upsample

RNG = np.random.default_rng(0)
X = RNG.normal(0, 1, (2, 7, 5, 6)).astype(np.float32)


def run(layer: Layer, *inputs: np.ndarray, **parameters: np.ndarray) -> np.ndarray:
    module = layer.build().eval()
    state = {name: torch.from_numpy(value) for name, value in parameters.items()}
    module.load_state_dict({name.replace("_", "."): value for name, value in state.items()})
    with torch.inference_mode():
        out: np.ndarray = module(*(torch.from_numpy(x) for x in inputs)).numpy()
    assert out.shape[1:] == layer.shape(*(x.shape[1:] for x in inputs))
    return out


@pytest.mark.parametrize("within", [False, True])
def test_local_response_norm(within: bool) -> None:
    """Squares in a window of 3 channels or of 3 x 3 positions: x / (k + alpha / n · sum)^beta."""
    layer = LocalResponseNorm(3, alpha=0.6, beta=0.75, k=2.0, within_channel=within)
    expected = np.empty_like(X)
    for b, c, row, column in np.ndindex(X.shape):
        if within:
            window = X[b, c, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        else:
            window = X[b, max(0, c - 1) : c + 2, row, column]
        total = float((window.astype(np.float64) ** 2).sum())
        expected[b, c, row, column] = X[b, c, row, column] / (2.0 + 0.6 / (9 if within else 3) * total) ** 0.75
    np.testing.assert_allclose(run(layer, X), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shared", [False, True])
def test_normalize_across_positions(shared: bool) -> None:
    """The whole map divided by its length, times a factor for each channel or one for all."""
    factors = RNG.uniform(1, 9, 1 if shared else 7).astype(np.float32)
    lengths = [np.sqrt((image.astype(np.float64) ** 2).sum() + 1e-10) for image in X]
    expected = np.stack([image / length for image, length in zip(X, lengths, strict=True)]) * factors[:, None, None]
    found = run(Normalize(len(factors), across_spatial=True), X, weight=factors)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_scale_and_bias() -> None:
    """Factors, summands and both, on a map and on a vector."""
    factor, summand = RNG.normal(size=7).astype(np.float32), RNG.normal(size=7).astype(np.float32)
    both = run(Scale(7), X, weight=factor, bias=summand)
    np.testing.assert_allclose(both, X * factor[:, None, None] + summand[:, None, None], rtol=1e-6, atol=1e-6)
    only = run(Scale(7, factors=False), X[:, :, 0, 0], bias=summand)
    np.testing.assert_allclose(only, X[:, :, 0, 0] + summand, rtol=1e-6, atol=1e-6)


def test_sum_with_a_vector() -> None:
    """A number for each channel and image added to its map."""
    vector = RNG.normal(size=(2, 7)).astype(np.float32)
    np.testing.assert_allclose(run(Broadcast("add"), X, vector), X + vector[:, :, None, None], rtol=1e-6)


def test_selected_channels() -> None:
    """Channels in another order, one of them twice."""
    np.testing.assert_array_equal(run(SelectChannels((2, 0, 2)), X), X[:, [2, 0, 2]])


@pytest.mark.parametrize(("kernel", "stride", "padding"), [((3, 2), (2, 3), (1, 0)), ((2, 2), (2, 2), (1, 1))])
def test_average_of_windows_at_the_border(
    kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
) -> None:
    """Each average over its window and the padding that it covers, which ends one padding beyond the map."""
    layer = Pool("average", kernel, stride, padding)
    found = run(layer, X)
    for b, c, i, j in np.ndindex(found.shape):
        top, left = i * stride[0] - padding[0], j * stride[1] - padding[1]
        bottom, right = min(top + kernel[0], 5 + padding[0]), min(left + kernel[1], 6 + padding[1])
        inside = X[b, c, max(top, 0) : bottom, max(left, 0) : right]
        assert found[b, c, i, j] == pytest.approx(inside.sum() / ((bottom - top) * (right - left)), abs=1e-5)


def test_average_without_the_padding() -> None:
    """Each average over the part of its window that lies inside the map, as TensorFlow has it."""
    found = run(Pool("average", (3, 3), (1, 1), (1, 1), ceil=False, count_padding=False), X)
    for b, c, i, j in np.ndindex(found.shape):
        inside = X[b, c, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
        assert found[b, c, i, j] == pytest.approx(inside.mean(), abs=1e-5)


def test_margins_and_repetitions() -> None:
    """A margin of its own size at each side, and each row twice and each column three times, against numpy."""
    padded = np.pad(X, ((0, 0), (0, 0), (1, 0), (0, 2)), constant_values=0.5)
    np.testing.assert_array_equal(run(Pad((1, 0), (0, 2), value=0.5), X), padded)
    np.testing.assert_array_equal(run(Upsample((2, 3)), X), X.repeat(2, axis=2).repeat(3, axis=3))


def test_hard_swish() -> None:
    """x · relu6(x + 3) / 6."""
    np.testing.assert_allclose(run(Activation("hard_swish"), X), X * (X + 3).clip(0, 6) / 6, atol=1e-6)


def test_wrong_shapes() -> None:
    """Inputs that do not fit are refused before anything is built."""
    for layer, shapes in (
        (Scale(3), ((7, 5, 6),)),
        (Broadcast("multiply"), ((7, 5, 6), (5,))),
        (SelectChannels((9,)), ((7, 5, 6),)),
        (Pool("max", (3, 3), (1, 1), (2, 2)), ((7, 5, 6),)),
        (LocalResponseNorm(4), ((7, 5, 6),)),
        (Pad((-1, 0), (0, 0)), ((7, 5, 6),)),
        (Pad((0, 0), (0, 0), value=float("nan")), ((7, 5, 6),)),
        (Upsample((0, 1)), ((7, 5, 6),)),
        (Upsample((2, 2)), ((7,),)),
    ):
        with pytest.raises(MisfitError):
            layer.shape(*shapes)
