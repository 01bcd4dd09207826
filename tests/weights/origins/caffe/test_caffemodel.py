"""The reader of .caffemodel files against files that the test writes byte by byte."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.errors import WeightsError
from multibox.weights.origins.caffe.caffemodel import read_caffemodel
from multibox.weights.origins.foreign_weights import read_foreign_weights
from oracles.caffe_net import caffemodel
from weights.origins.caffe import wire


def arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def test_new_layers(tmp_path: Path) -> None:
    """Names and arrays of a modern file, in order, among fields that the reader does not know."""
    weight, bias, scale = arrays((8, 3, 3, 3), (8,), (5,))
    unknown = wire.number(5, 300) + wire.message(1, b"net") + wire.floats(9, [1.5]) + b"\x61" + bytes(8)
    content = unknown + caffemodel({"conv": ("Convolution", [weight, bias]), "norm": ("Normalize", [scale])})
    (tmp_path / "a.caffemodel").write_bytes(content)
    conv, norm = read_caffemodel(tmp_path / "a.caffemodel")
    assert (conv.name, norm.name) == ("conv", "norm")
    assert conv.priors is None
    for found, expected in zip((*conv.blobs, *norm.blobs), (weight, bias, scale), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_old_layers(tmp_path: Path) -> None:
    """Old layers with four-dimensional shapes: a convolution, and a matrix whose first sides are 1."""
    kernel, matrix, bias, double = arrays((4, 3, 3, 3), (6, 20), (6,), (4,))
    layers = {
        "conv": [wire.legacy_blob(kernel), wire.number(1, 1) + wire.number(2, 1) + wire.number(3, 1)
                 + wire.number(4, 4) + wire.message(8, double.astype("<f8").tobytes())],
        "fc": [wire.legacy_blob(matrix), wire.legacy_blob(bias)],
    }  # fmt: skip
    content = b"".join(
        wire.message(2, wire.message(4, name.encode()) + b"".join(wire.message(6, blob) for blob in blobs))
        for name, blobs in layers.items()
    )
    (tmp_path / "a.caffemodel").write_bytes(content)
    tensors = read_foreign_weights(tmp_path / "a.caffemodel").tensors
    for name, expected in {"conv.weight": kernel, "conv.bias": double, "fc.weight": matrix, "fc.bias": bias}.items():
        np.testing.assert_array_equal(tensors[name], expected)


def test_arrays_that_do_not_fit_their_bias(tmp_path: Path) -> None:
    """Kernels beside a bias of no or of too many values keep their shape, which the conversion then compares."""
    for count in (0, 5):
        kernel, bias = arrays((4, 3, 3, 3), (count,))
        (tmp_path / "a.caffemodel").write_bytes(caffemodel({"conv": ("Convolution", [kernel, bias])}))
        tensors = read_foreign_weights(tmp_path / "a.caffemodel").tensors
        assert (tensors["conv.weight"].shape, tensors["conv.bias"].shape) == ((4, 3, 3, 3), (count,))


def test_prior_boxes(tmp_path: Path) -> None:
    """Sizes, ratios, variances and step of a PriorBox layer are read as written."""
    (weight,) = arrays((2, 2))
    layer = wire.prior_box_layer("p", sizes=(35.84, 76.8), ratios=(2, 3), step=8)
    (tmp_path / "a.caffemodel").write_bytes(caffemodel({"c": ("Convolution", [weight])}) + layer)
    priors = read_caffemodel(tmp_path / "a.caffemodel")[1].priors
    assert priors is not None
    np.testing.assert_allclose([*priors.min_sizes, *priors.max_sizes], [35.84, 76.8], rtol=1e-7)
    assert (priors.ratios, priors.step, priors.clip) == ((2.0, 3.0), 8.0, False)
    np.testing.assert_allclose(priors.variances, [0.1, 0.1, 0.2, 0.2], rtol=1e-7)


@pytest.mark.parametrize("kind", ["empty", "text", "short", "shape", "folder"])
def test_damaged_files(tmp_path: Path, kind: str) -> None:
    """An incomplete or damaged file is an error of one line that names the file."""
    path = tmp_path / "a.caffemodel"
    whole = caffemodel({"c": ("Convolution", arrays((4, 3, 3, 3)))})
    wrong_shape = wire.message(7, wire.message(1, wire.varint(9))) + wire.message(5, bytes(16))
    damaged = {
        "empty": b"",
        "text": b"This is a page that says: not found",
        "short": whole[:-9],
        "shape": wire.message(100, wire.message(7, wrong_shape)),
    }
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(damaged[kind])
    with pytest.raises(WeightsError) as caught:
        read_caffemodel(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, noise: bytes, cut: int) -> None:
    """Noise, alone or inside a whole file, is read or refused, and never raises anything but WeightsError."""
    whole = caffemodel({"c": ("Convolution", arrays((1, 2, 3, 3), (1,)))})
    path = tmp_path_factory.mktemp("noise") / "a.caffemodel"
    for content in (noise, whole[:cut] + noise + whole[cut + len(noise) :]):
        path.write_bytes(content)
        try:
            read_caffemodel(path)
        except WeightsError:
            continue
