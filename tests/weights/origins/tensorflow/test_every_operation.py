"""Every operation that can be imported, in one graph with predictors, against OpenVINO's reader and arithmetic."""

from pathlib import Path

import numpy as np
import pytest
import torch

from multibox.errors import WeightsError
from multibox.priors import BoxSize, PriorSpec, Step, listed_map
from multibox.size import Size
from multibox.weights.origins.recognize import import_weights
from oracles.frozen_writer import Writer, placeholder, repeated

SIDE = 33


class Net:
    """A frozen graph that grows by one map after another."""

    def __init__(self) -> None:
        self.writer, self.rng = Writer(), np.random.default_rng(0)
        self.value, self.channels = placeholder(self.writer, SIDE, SIDE), 3
        self.count = 0

    def name(self, kind: str) -> str:
        self.count += 1
        return f"Net/{kind}_{self.count}"

    def const(self, *shape: int, low: float = -0.5, high: float = 0.5) -> str:
        return self.array(self.rng.uniform(low, high, shape).astype(np.float32))

    def array(self, values: np.ndarray) -> str:
        return self.writer.constant(self.name("const"), values)

    def add(self, kind: str, *inputs: str, **options: object) -> str:
        self.value = self.writer.node(kind, self.name(kind), inputs or (self.value,), **options)
        return self.value

    def conv(self, out: int, *, kernel: int = 1, stride: int = 1, padding: str = "SAME", dilation: int = 1,
             **options: object) -> str:  # fmt: skip
        weights = self.const(kernel, kernel, self.channels, out)
        self.channels = out
        return self.add("Conv2D", self.value, weights, strides=(1, stride, stride, 1), padding=padding,
                        dilations=(1, dilation, dilation, 1), data_format="NHWC", **options)  # fmt: skip

    def pool(self, kind: str, *, kernel: int, stride: int, padding: str) -> str:
        return self.add(kind, ksize=(1, kernel, kernel, 1), strides=(1, stride, stride, 1), padding=padding,
                        data_format="NHWC")  # fmt: skip

    def double(self) -> None:
        """Each row and column twice, as the API's feature pyramids do it."""
        self.add("Pack", self.value, self.value, axis=3, N=2)
        self.add("Pack", self.value, self.value, axis=2, N=2)
        shape = np.array([1, 16, 16, self.channels], np.int32)
        self.add("Reshape", self.value, self.array(shape))

    def squeeze(self) -> None:
        """A squeeze-and-excitation gate as MobileNetV3 has it, with a hard sigmoid of relu6."""
        wide, channels = self.value, self.channels
        self.add("Mean", wide, self.array(np.array([1, 2], np.int32)), keep_dims=True)
        self.conv(4)
        self.add("Relu")
        self.conv(channels)
        self.add("AddV2", self.value, self.array(np.float32([3])))
        self.add("Relu6")
        gate = self.add("Mul", self.value, self.array(np.float32([1 / 6])))
        self.add("Mul", wide, gate)

    def heads(self) -> None:
        """Two source maps with predictors of two boxes a cell and three class values."""
        maps = [(self.value, self.channels)]
        self.conv(10, kernel=3, stride=2)
        maps.append((self.add("Relu6"), self.channels))
        axis = self.writer.constant("axis", np.array(1, np.int32))
        for role, values in (("BoxEncodingPredictor", 4), ("ClassPredictor", 3)):
            shape, rows = self.array(np.array([1, -1, values], np.int32)), []
            for number, (value, channels) in enumerate(maps):
                self.value, self.channels = value, channels
                self.conv(2 * values)
                made = self.add("BiasAdd", self.value, self.const(2 * values), data_format="NHWC")
                rows.append(self.writer.node("Reshape", f"{role}_{number}/rows", [made, shape]))
            self.writer.node("ConcatV2", role, [*rows, axis], N=2)


def every_operation() -> bytes:
    """Convolutions with all kinds of padding, sums, products, pooling, activations and a gate."""
    net = Net()
    pads = np.array([[0, 0], [1, 0], [0, 1], [0, 0]], np.int32)
    net.add("Pad", net.value, net.array(pads))
    net.conv(8, kernel=3, stride=2, padding="VALID")
    net.add("Mul", net.value, net.const(8, low=0.5, high=1.5))  # folded into the convolution
    net.add("AddV2", net.value, net.const(8))
    net.add("LeakyRelu", alpha=0.1)
    net.conv(8, kernel=3, dilation=2)
    net.add("Elu")
    net.pool("MaxPool", kernel=3, stride=1, padding="SAME")
    first = net.conv(8, kernel=5, stride=1)
    net.add("Tanh")
    net.conv(8, kernel=3, padding="EXPLICIT", explicit_paddings=(0, 0, 1, 1, 0, 2, 0, 0))
    second = net.pool("AvgPool", kernel=3, stride=1, padding="SAME")
    net.add("Sub", second, net.const(8))
    net.channels = 16
    net.add("ConcatV2", net.value, first, net.array(np.array(3, np.int32)), N=2)
    net.pool("MaxPool", kernel=2, stride=2, padding="SAME")
    net.double()
    net.pool("MaxPool", kernel=2, stride=2, padding="SAME")
    net.add("ResizeNearestNeighbor", net.value, net.array(np.array([24, 24], np.int32)))
    net.pool("MaxPool", kernel=3, stride=3, padding="SAME")
    net.add("RealDiv", net.value, net.array(np.float32([2])))
    net.conv(12, kernel=2, stride=2)
    net.add("Sigmoid")
    net.squeeze()
    net.pool("MaxPool", kernel=2, stride=1, padding="VALID")
    whole = net.value
    net.conv(12)
    net.add("Mul", net.value, whole)
    net.heads()
    return b"".join(net.writer.nodes)


def test_every_operation(tmp_path: Path) -> None:
    """Raw outputs, boxes with y first, on noise."""
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    (tmp_path / "net.pb").write_bytes(every_operation())
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(tmp_path / "net.pb"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    image = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    expected = {output.get_any_name().split(":")[0]: value for output, value in
                compiled([(image / np.float32(127.5) - 1)[None]]).to_dict().items()}  # fmt: skip
    model = import_weights(tmp_path / "net.pb", class_names=["a", "b"], priors=fitting_priors())
    with torch.inference_mode():
        offsets, logits = model(torch.from_numpy(image).permute(2, 0, 1)[None])
    np.testing.assert_allclose(offsets[0][:, [1, 0, 3, 2]], expected["BoxEncodingPredictor"][0], atol=1e-4)
    np.testing.assert_allclose(logits[0], expected["ClassPredictor"][0], atol=1e-4)


def fitting_priors() -> PriorSpec:
    maps = [listed_map(Size(n, n), Step(SIDE / n, SIDE / n), [BoxSize(9, 9), BoxSize(5, 9)]) for n in (3, 2)]
    return PriorSpec(Size(SIDE, SIDE), tuple(maps))


def test_weight_files_and_exports(tmp_path: Path) -> None:
    """The same detector after a weight file, with packed weights and as an ONNX file, against itself in PyTorch."""
    runtime = pytest.importorskip("onnxruntime", reason="the packages of multibox[export] are not installed")
    from multibox.detection.engines.packed import PackedEngine
    from multibox.detection.export.onnx import export_onnx
    from multibox.weights.file import load_weights, save_weights

    (tmp_path / "net.pb").write_bytes(every_operation())
    model = import_weights(tmp_path / "net.pb", class_names=["a", "b"], priors=fitting_priors())
    images = np.random.default_rng(2).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = model(torch.from_numpy(images).permute(0, 3, 1, 2))
    save_weights(tmp_path / "net.safetensors", model)
    loaded, _ = load_weights(tmp_path / "net.safetensors")
    assert loaded.config == model.config
    for found, wanted in zip(PackedEngine(loaded).forward(images), expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)
    export_onnx(model, tmp_path / "net.onnx", end="raw")
    results = runtime.InferenceSession(tmp_path / "net.onnx").run(None, {"images": images})
    for found, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_unknown_operations(tmp_path: Path) -> None:
    """An operation that is not known against one line with its kind and name."""
    net = Net()
    net.conv(8, kernel=3, stride=2)
    net.add("Cumsum", net.value, net.array(np.array(1, np.int32)))
    net.conv(8)
    net.heads()
    (tmp_path / "net.pb").write_bytes(b"".join(net.writer.nodes))
    with pytest.raises(WeightsError, match=r"contains the operation Cumsum \('Net/Cumsum_\d+'\), which cannot be"):
        import_weights(tmp_path / "net.pb")


def test_a_classifier_is_no_detector(tmp_path: Path) -> None:
    """A graph without joined predictions against the line that says what was expected and what could run it."""
    net = Net()
    net.conv(8, kernel=3, stride=2)
    net.add("Softmax")
    (tmp_path / "net.pb").write_bytes(b"".join(net.writer.nodes))
    with pytest.raises(WeightsError, match="contains no SSD") as caught:
        import_weights(tmp_path / "net.pb")
    assert "OpenVINO" in str(caught.value)


@pytest.mark.parametrize("out", [8000, 9000])
def test_values_that_a_file_does_not_have(tmp_path: Path, out: int) -> None:
    """A convolution of 64 or 72 million times one value against a line, without the memory for it."""
    net = Net()
    net.conv(8, kernel=3, stride=2)
    for number, (inside, outside) in enumerate(((8, 8000), (8000, out))):
        weights = repeated(net.writer, f"weights{number}", (1, 1, inside, outside))
        net.add("Conv2D", net.value, weights, strides=(1, 1, 1, 1), padding="SAME", data_format="NHWC")
        net.channels = outside
    net.conv(2)
    net.heads()
    content = b"".join(net.writer.nodes)
    (tmp_path / "net.pb").write_bytes(content)
    with pytest.raises(WeightsError, match=r"more values than it has|its weights are not constant"):
        import_weights(tmp_path / "net.pb")
