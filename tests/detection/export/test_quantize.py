"""Which layers become integers."""

import numpy as np
import pytest

openvino = pytest.importorskip("openvino", reason="the packages of multibox[openvino] are not installed")
pytest.importorskip("nncf", reason="the packages of multibox[openvino] are not installed")

from openvino import opset13 as op  # noqa: E402

from multibox.detection.export.quantize import quantize_openvino  # noqa: E402


def test_depthwise_layers_and_squeeze_and_excitation_stay_in_float():
    """A block of MobileNetV3 made by hand: what the quantized graph computes each kind of layer from."""
    random = np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        return random.normal(scale=0.3, size=shape).astype(np.float32)

    def dense(x, out: int, inside: int):
        return op.convolution(x, weights(out, inside, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1])

    images = op.parameter([1, 8, 8, 3], np.uint8)
    first = op.relu(dense(op.transpose(op.convert(images, "f32"), np.int64([0, 3, 1, 2])), 8, 3))
    depthwise = op.relu(op.group_convolution(first, weights(8, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1]))
    factors = op.sigmoid(dense(op.reduce_mean(depthwise, np.int64([2, 3]), keep_dims=True), 8, 8))
    last = dense(op.multiply(depthwise, factors), 6, 8)
    network = openvino.Model([op.result(last)], [images], "block")
    calibration = random.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    quantized = quantize_openvino(network, list(calibration), has_norm=False)
    before = {
        node.get_type_name(): [value.get_node().get_type_name() for value in node.input_values()]
        for node in quantized.get_ordered_ops()
    }
    assert before["Convolution"] == ["FakeQuantize", "Multiply"]  # the last one: its weights are integers with a scale
    assert before["GroupConvolution"] == ["Relu", "Constant"]
    assert before["ReduceMean"][0] == "Relu"
