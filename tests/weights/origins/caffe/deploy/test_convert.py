"""Facts of imported models beside their outputs: names, normalization, order of colors, forms of the files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from multibox.models.bases.graph.config import GraphConfig
from multibox.models.bases.vgg import VGG16Config
from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings
from multibox.priors import SPECS
from multibox.weights.origins.recognize import import_weights
from oracles.caffe_files import CaffeText, imported, run_multibox
from oracles.caffe_net import caffemodel
from oracles.official_deploy import official_deploy
from weights.origins.caffe import wire


def test_vgg_becomes_the_named_model(tmp_path: Path) -> None:
    """The authors' SSD300 with its deploy text: their model, with the limits of the text; not if a layer differs."""
    net = official_deploy(300, outputs=3, rng=np.random.default_rng(0))
    shape = 'input: "data" input_shape { dim: 1 dim: 3 dim: 300 dim: 300 }\n'
    text = shape + "".join(net.text).replace("keep_top_k: 200", "keep_top_k: 77")
    assert "keep_top_k: 77" in text
    (tmp_path / "m.caffemodel").write_bytes(caffemodel(net.blobs))
    (tmp_path / "m.prototxt").write_text(text)
    names = ("cat", "dog")
    model = import_weights(tmp_path / "m.caffemodel", prototxt=tmp_path / "m.prototxt", class_names=names)
    plain = import_weights(tmp_path / "m.caffemodel", class_names=names, priors="ssd300-voc")
    assert (model.config.name, type(model.config.base)) == ("ssd300", VGG16Config)
    assert model.config.priors.maps == SPECS["ssd300-voc"].maps
    assert model.config.mean == plain.config.mean
    assert model.config.detection == DetectionSettings(per_image=77)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), plain.state_dict().values(), strict=True))

    assert "dilation: 6" in text
    (tmp_path / "m.prototxt").write_text(text.replace("pad: 6 dilation: 6", "pad: 3 dilation: 3"))
    other = import_weights(tmp_path / "m.caffemodel", prototxt=tmp_path / "m.prototxt", class_names=names)
    assert isinstance(other.config.base, GraphConfig)


def small_net(first: str = "conv", *, seed: int = 0) -> CaffeText:
    """A network whose image goes through `first` before its convolution."""
    net = CaffeText(24, 32, seed=seed)
    top = "data"
    if first == "batch_norm":
        arrays = (net.rng.normal(100, 20, 3), net.rng.uniform(2000, 4000, 3), np.array([1.0]))
        top = net.add("BatchNorm", "data_bn", "data", "", *arrays)
        factors, summands = np.array([1.2, -0.7, 0.4]), net.rng.normal(0, 1, 3)
        top = net.add("Scale", "data_scale", top, "scale_param { bias_term: true }", factors, summands)
    elif first == "power":
        top = net.add("Power", "small", "data", "power_param { scale: 0.01 shift: -1 }")
    elif first == "pool":
        top = net.add("Pooling", "pool", "data", "pooling_param { pool: AVE kernel_size: 2 stride: 2 }")
    net.convolution("stem", top, 8, 3, "pad: 1 stride: 2")
    net.head("stem", classes=3)
    net.output(classes=3)
    return net


@pytest.mark.parametrize("first", ["batch_norm", "power"])
def test_layers_that_normalize_the_image(tmp_path: Path, first: str) -> None:
    """They become mean and deviation: a convolution sees the image, and the outputs are those with the layers."""
    net = small_net(first)
    model = imported(net, tmp_path, scale=1.0)
    assert model.base.image_convolution() is not None
    kept = imported(in_two_steps(net), tmp_path, scale=1.0)
    image = net.image()
    for ours, expected in zip(run_multibox(model, image), run_multibox(kept, image), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


def in_two_steps(net: CaffeText) -> CaffeText:
    """The same network with a pooling of single pixels before the layers, which keeps them layers."""
    pooling = 'layer { name: "same" type: "Pooling" bottom: "data" top: "same" pooling_param { kernel_size: 1 } }\n'
    text = "".join(net.text[1:]).replace('bottom: "data" top', 'bottom: "same" top')
    net.text = [net.text[0], pooling, text]
    return net


@pytest.mark.parametrize("first", ["conv", "batch_norm", "pool"])
def test_order_of_colors(tmp_path: Path, first: str) -> None:
    """An image whose colors are in the other order, for a network that was imported for it: equal outputs."""
    net = small_net(first)
    bgr = imported(net, tmp_path, mean=(10.0, 20.0, 30.0))
    rgb = imported(net, tmp_path, mean=(10.0, 20.0, 30.0), channels="rgb")
    assert rgb.config.mean != bgr.config.mean
    image = net.image()
    for ours, expected in zip(run_multibox(rgb, image[:, :, ::-1].copy()), run_multibox(bgr, image), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def same(one: SSD, other: SSD, image: np.ndarray) -> None:
    for ours, expected in zip(run_multibox(one, image), run_multibox(other, image), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_transform_param(tmp_path: Path) -> None:
    """An Input layer whose transform_param has the normalization, against the same numbers from the caller."""
    net = small_net()
    model = imported(net, tmp_path, mean=(1.0, 2.0, 3.0), scale=0.5)
    net.text[
        0
    ] = """layer { name: "input" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 24 dim: 32 } }
        transform_param { scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3 } }"""
    other = imported(net, tmp_path, mean=None, scale=None)
    assert other.config.mean == (3, 2, 1)
    same(model, other, net.image())


def test_forms_of_files(tmp_path: Path) -> None:
    """Old layers with types of an enumeration, input_dim, layers of the training, arrays with four sides."""
    net = CaffeText(24, 32)
    net.convolution("stem", "data", 8, 3, "pad: 1 stride: 2")
    net.relu("stem")
    for side, outputs in (("loc", 8), ("conf", 6)):
        net.convolution(side, "stem", outputs, 3, "pad: 1")
    permute = "permute_param { order: [0, 2, 3, 1] }"
    for side, wide in (("loc", 4), ("conf", 3)):
        net.add("Permute", f"{side}_p", side, permute)
        net.add("Reshape", f"{side}_r", f"{side}_p", f"reshape_param {{ shape {{ dim: 1 dim: -1 dim: {wide} }} }}")
    net.add("Softmax", "scores", "conf_r", "softmax_param { axis: 2 }")
    modern = "".join(net.text[1:])
    priors = {"priors": squares()}
    net.text = ['input: "data" input_dim: 1 input_dim: 3 input_dim: 24 input_dim: 32\n', modern]
    model = imported(net, tmp_path, **priors)
    assert model.config.base.steps[0].name == "stem"

    unused = 'layer { name: "loss" type: "MultiBoxLoss" bottom: "stem" top: "l" include { phase: TRAIN } }\n'
    net.text = [net.text[0], unused, modern]
    same(imported(net, tmp_path, **priors), model, net.image())

    old = modern.replace("layer {", "layers {").replace('"Convolution"', "CONVOLUTION").replace('"ReLU"', "RELU")
    old = old.replace('"Softmax"', "SOFTMAX")
    prototxt, weights = net.write(tmp_path)
    prototxt.write_text(net.text[0] + old)
    weights.write_bytes(b"".join(old_layer(name, arrays) for name, (_, arrays) in net.blobs.items()))
    same(import_weights(weights, prototxt=prototxt, mean=(0.0,), scale=1 / 64, **priors), model, net.image())


def old_layer(name: str, arrays: Sequence[np.ndarray]) -> bytes:
    blobs = b"".join(wire.message(6, wire.legacy_blob(array)) for array in arrays)
    return wire.message(2, wire.message(4, name.encode()) + blobs)


def squares() -> object:
    from multibox.priors import BoxSize, PriorSpec, Step, listed_map
    from multibox.size import Size

    return PriorSpec(Size(24, 32), (listed_map(Size(12, 16), Step(2, 2), [BoxSize(4, 4), BoxSize(8, 8)]),))


def test_depthwise_names(tmp_path: Path) -> None:
    """The names of forks for a convolution of each channel alone, without its number of groups."""
    net = CaffeText(24, 32)
    net.convolution("stem", "data", 8, 3, "pad: 1 stride: 2")
    net.convolution("each", "stem", 8, 3, "pad: 1", groups=8)
    net.head("each", classes=3)
    net.output(classes=3)
    model, text = imported(net, tmp_path), net.text
    for name in ("DepthwiseConvolution", "ConvolutionDepthwise"):
        net.text = [
            part.replace('"Convolution"', f'"{name}"').replace("group: 8", "") if "group: 8" in part else part
            for part in text
        ]
        same(imported(net, tmp_path), model, net.image())


def test_names_of_steps(tmp_path: Path) -> None:
    """Names of layers that a step cannot have, or that occur twice, are changed so that all differ."""
    net = CaffeText(24, 32)
    top = net.convolution("conv1/dw:0", "data", 4, 3, "pad: 1 stride: 2")
    top = net.add("Eltwise", "pop", [net.convolution("conv1/dw;0", top, 4, 1), top])
    net.head(net.add("Pooling", "é", top, "pooling_param { kernel_size: 1 }"), classes=3)
    net.output(classes=3)
    names = [step.name for step in imported(net, tmp_path).config.base.steps]
    assert names == ["conv1_dw_0", "conv1_dw_0_2", "pop_2"]
