"""Every type of layer that can be imported from a .prototxt, with its options, against OpenCV's Caffe reader."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from multibox.models.folded import FoldedSSD
from oracles.caffe_files import CaffeText, imported, run_multibox, run_opencv

CLASSES = 3
Build = Callable[[CaffeText], str]

CASES: dict[str, Build] = {}


def case(function: Build) -> Build:
    CASES[function.__name__] = function
    return function


def simple(name: str, kind: str, parameters: str = "") -> None:
    CASES[name] = lambda net: net.add(kind, "x", "stem", parameters)


for title, parameters in {
    "max": "pool: MAX kernel_size: 3 stride: 2",
    "max_padded": "pool: MAX kernel_size: 3 stride: 2 pad: 1",
    "max_oblong": "pool: MAX kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2",
    "average": "pool: AVE kernel_size: 3 stride: 2",
    "average_padded": "pool: AVE kernel_size: 3 stride: 2 pad: 1",
    "average_same": "pool: AVE kernel_size: 3 stride: 1 pad: 1",
    "global_average": "pool: AVE global_pooling: true",
    "global_max": "pool: MAX global_pooling: true",
}.items():
    simple(f"pool_{title}", "Pooling", f"pooling_param {{ {parameters} }}")
for title, kind, parameters in (
    ("relu", "ReLU", ""),
    ("relu_slope", "ReLU", "relu_param { negative_slope: 0.1 }"),
    ("relu6", "ReLU6", ""),
    ("elu", "ELU", "elu_param { alpha: 1 }"),
    ("sigmoid", "Sigmoid", ""),
    ("tanh", "TanH", ""),
    ("power", "Power", "power_param { power: 2 scale: 0.5 shift: 1.5 }"),
    ("power_linear", "Power", "power_param { scale: 0.5 shift: -1 }"),
    ("softmax", "Softmax", ""),
    ("dropout", "Dropout", "dropout_param { dropout_ratio: 0.3 }"),
    ("lrn", "LRN", "lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 }"),
    ("permute", "Permute", "permute_param { order: 0 order: 1 order: 3 order: 2 }"),
):
    simple(title, kind, parameters)


@case
def prelu(net: CaffeText) -> str:
    return net.add("PReLU", "x", "stem", "", net.rng.uniform(0.1, 0.5, 8))


@case
def prelu_shared(net: CaffeText) -> str:
    return net.add("PReLU", "x", "stem", "prelu_param { channel_shared: true }", np.array([0.25]))


@case
def batch_norm(net: CaffeText) -> str:
    return net.batch_norm("x", "stem")


@case
def batch_norm_alone(net: CaffeText) -> str:
    arrays = (net.rng.normal(0, 1, 8), net.rng.uniform(0.5, 2, 8), np.array([0.999]))
    return net.add("BatchNorm", "x", "stem", "batch_norm_param { use_global_stats: true eps: 0.001 }", *arrays)


@case
def scale(net: CaffeText) -> str:
    return net.add("Scale", "x", "stem", "", net.rng.uniform(0.5, 2, 8))


@case
def scale_of_two(net: CaffeText) -> str:
    """The channels times factors that a small network computes from their means, as squeeze-and-excitation does."""
    net.add("Pooling", "mean", "stem", "pooling_param { pool: AVE global_pooling: true }")
    net.convolution("factors", "mean", 8, 1)
    net.add("Sigmoid", "gate", "factors")
    net.add("Reshape", "vector", "gate", "reshape_param { shape { dim: 0 dim: 8 } }")
    return net.add("Scale", "x", ["stem", "vector"], "scale_param { axis: 0 }")


@case
def convolution_dilated(net: CaffeText) -> str:
    return net.convolution("x", "stem", 6, 3, "pad: 2 dilation: 2")


@case
def convolution_grouped(net: CaffeText) -> str:
    return net.convolution("x", "stem", 12, 3, "pad: 1 stride: 2", groups=4)


@case
def convolution_oblong(net: CaffeText) -> str:
    weight = net.rng.normal(0, 0.2, (8, 8, 1, 5))
    options = "num_output: 8 kernel_h: 1 kernel_w: 5 pad_h: 0 pad_w: 2 bias_term: false"
    return net.add("Convolution", "x", "stem", f"convolution_param {{ {options} }}", weight)


@case
def deconvolution(net: CaffeText) -> str:
    weight, bias = net.rng.normal(0, 0.2, (8, 6, 4, 4)), net.rng.normal(0, 0.1, 6)
    options = "num_output: 6 kernel_size: 4 stride: 2 pad: 1"
    net.add("Deconvolution", "x", "stem", f"convolution_param {{ {options} }}", weight, bias)
    net.channels["x"] = 6
    return "x"


@case
def deconvolution_depthwise(net: CaffeText) -> str:
    weight = net.rng.normal(0, 0.5, (8, 1, 2, 2))
    options = "num_output: 8 kernel_size: 2 stride: 2 group: 8 bias_term: false"
    return net.add("Deconvolution", "x", "stem", f"convolution_param {{ {options} }}", weight)


@case
def normalize(net: CaffeText) -> str:
    options = "norm_param { across_spatial: false channel_shared: false }"
    return net.add("Normalize", "x", "stem", options, net.rng.uniform(5, 20, 8))


@case
def normalize_shared(net: CaffeText) -> str:
    options = "norm_param { across_spatial: false channel_shared: true }"
    return net.add("Normalize", "x", "stem", options, np.array([12.0]))


@case
def eltwise_sum(net: CaffeText) -> str:
    net.convolution("other", "stem", 8, 1)
    return net.add("Eltwise", "x", ["stem", "other"], "eltwise_param { operation: SUM coeff: 1 coeff: -0.5 }")


@case
def eltwise_product(net: CaffeText) -> str:
    net.convolution("other", "stem", 8, 1)
    return net.add("Eltwise", "x", ["stem", "other"], "eltwise_param { operation: PROD }")


@case
def eltwise_max(net: CaffeText) -> str:
    net.convolution("other", "stem", 8, 1)
    return net.add("Eltwise", "x", ["stem", "other"], "eltwise_param { operation: MAX }")


@case
def concat(net: CaffeText) -> str:
    net.convolution("other", "stem", 4, 1)
    net.add("Concat", "x", ["stem", "other"])
    net.channels["x"] = 12
    return "x"


@case
def slice_and_concat(net: CaffeText) -> str:
    net.text.append(
        'layer { name: "cut" type: "Slice" bottom: "stem" top: "a" top: "b" top: "c" '
        "slice_param { axis: 1 slice_point: 2 slice_point: 5 } }\n"
    )
    net.channels |= {"a": 2, "b": 3, "c": 3}
    net.add("Concat", "x", ["c", "a"])
    net.channels["x"] = 5
    return "x"


@case
def split(net: CaffeText) -> str:
    net.text.append('layer { name: "two" type: "Split" bottom: "stem" top: "a" top: "b" }\n')
    net.channels |= {"a": 8, "b": 8}
    net.convolution("other", "a", 8, 3, "pad: 1")
    return net.add("Eltwise", "x", ["b", "other"])


@case
def crop(net: CaffeText) -> str:
    net.add("Pooling", "small", "stem", "pooling_param { pool: MAX kernel_size: 3 stride: 1 }")
    return net.add("Crop", "x", ["stem", "small"], "crop_param { axis: 2 offset: 1 }")


@case
def channel_shuffle(net: CaffeText) -> str:
    """Reshape and Permute inside the network: the channels of two groups take turns."""
    net.add("Reshape", "five", "stem", "reshape_param { shape { dim: 0 dim: 2 dim: 4 dim: -1 } }")
    net.add("Permute", "turned", "five", "permute_param { order: 0 order: 2 order: 1 order: 3 }")
    return net.add("Reshape", "x", "turned", "reshape_param { shape { dim: 0 dim: 8 dim: 12 dim: 16 } }")


@case
def inner_product(net: CaffeText) -> str:
    """A matrix of the whole map, back as a map of one cell."""
    weight, bias = net.rng.normal(0, 0.05, (10, 8 * 12 * 16)), net.rng.normal(0, 0.1, 10)
    net.add("InnerProduct", "vector", "stem", "inner_product_param { num_output: 10 }", weight, bias)
    net.add("ReLU", "positive", "vector")
    net.add("Reshape", "x", "positive", "reshape_param { shape { dim: 0 dim: 10 dim: 1 dim: 1 } }")
    net.channels["x"] = 10
    return "x"


def small_ssd(build: Build) -> CaffeText:
    """A convolution with stride 2 on 24 x 32, the layer, and heads on its result."""
    net = CaffeText(24, 32, seed=len(build.__name__))
    net.convolution("stem", "data", 8, 3, "pad: 1 stride: 2")
    net.head(build(net), classes=CLASSES)
    net.output(classes=CLASSES)
    return net


@pytest.mark.parametrize("name", CASES)
def test_layer(tmp_path: Path, name: str) -> None:
    """Offsets and logits of a small SSD with the layer, folded or not, within 2e-5 of OpenCV's for the same files."""
    net = small_ssd(CASES[name])
    image = net.image()
    loc, conf = run_opencv(net, tmp_path, image, ["loc", "conf"])
    model = imported(net, tmp_path)
    for network in (model, FoldedSSD(model)):
        offsets, logits = run_multibox(network, image)
        np.testing.assert_allclose(offsets.reshape(-1), loc.reshape(-1), rtol=0, atol=2e-5 * (1 + np.abs(loc).max()))
        np.testing.assert_allclose(logits.reshape(-1), conf.reshape(-1), rtol=0, atol=2e-5 * (1 + np.abs(conf).max()))
    assert np.ptp(logits) > 0.01
