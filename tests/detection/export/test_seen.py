"""Kernels cropped to what they can see of a map with one row or one column."""

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the packages of multibox[export] are not installed")
runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

from multibox.detection.export.seen import crop_kernels  # noqa: E402


@pytest.mark.parametrize(
    ("height", "width", "kernel", "wanted"),
    [(1, 1, 3, (1, 1)), (1, 5, 3, (1, 3)), (5, 1, 3, (3, 1)), (1, 1, 5, (1, 1)), (2, 2, 3, (3, 3))],
)
def test_depthwise_convolutions(height: int, width: int, kernel: int, wanted: tuple[int, int]) -> None:
    """The cropped graph in ONNX Runtime and in OpenCV against the whole one in ONNX Runtime."""
    rng, make, number = np.random.default_rng(0), onnx.helper, onnx.TensorProto.FLOAT
    shape = [1, 128, height, width]
    weight = rng.normal(0, 1, (128, 1, kernel, kernel)).astype(np.float32)
    sides = {"pads": [kernel // 2] * 4, "kernel_shape": [kernel, kernel], "strides": [1, 1]}
    graph = make.make_graph(
        [make.make_node("Conv", ["x", "w"], ["y"], group=128, **sides)],
        "g",
        [make.make_tensor_value_info("x", number, shape)],
        [make.make_tensor_value_info("y", number, shape)],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 10)], ir_version=5)
    x = rng.normal(0, 1, shape).astype(np.float32)
    (expected,) = runtime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    crop_kernels(model)
    assert [tuple(one.dims[2:]) for one in model.graph.initializer] == [wanted]
    onnx.checker.check_model(model)
    (cropped,) = runtime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    np.testing.assert_allclose(cropped, expected, rtol=0, atol=1e-5)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(x)
    np.testing.assert_allclose(net.forward(), expected, rtol=0, atol=1e-5)
