"""Writes the small SSD as a TFLite file: float, half precision, or quantized. Independent of the reader under test.

Kind "weights" has weights of 8 bits and maps in float32, as dynamic range quantization makes them.

In quantized files the layer "first" has no activation, only numbers that stand for 0 to 6, as old converters write it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from oracles.flatbuffer_writer import write_buffer
from oracles.mini_ssd import BOXES, CLASSES, HEIGHT, LAYERS, WIDTH, Values

Kind = Literal["float", "half", "weights", "int8", "uint8"]

_FLOATING = ("float", "half", "weights")
FLOAT, HALF, INT32, UINT8, INT8 = 0, 1, 2, 3, 9
ADD, CONCATENATION, CONVOLUTION, DEPTHWISE, DEQUANTIZE, LOGISTIC, RESHAPE, CUSTOM = 0, 2, 3, 4, 6, 14, 22, 32
_CODES = (ADD, CONCATENATION, CONVOLUTION, DEPTHWISE, DEQUANTIZE, LOGISTIC, RESHAPE, CUSTOM)
_OPTIONS = {CONVOLUTION: 1, DEPTHWISE: 2, CONCATENATION: 10, ADD: 11, RESHAPE: 17}
_RELU6 = 3
_INPUT_SCALE, _INPUT_ZERO = 1 / 127.5, 128
POSTPROCESS = "TFLite_Detection_PostProcess"


@dataclass
class Writer:
    """Tensors, buffers and operators of a file."""

    kind: Kind
    tensors: list[dict[int, Any]] = field(default_factory=list)
    buffers: list[dict[int, Any]] = field(default_factory=lambda: [{}])
    operators: list[dict[int, Any]] = field(default_factory=list)
    dequantized: Values = field(default_factory=dict)

    def tensor(self, name: str, shape: tuple[int, ...], type_: int, *, data: np.ndarray | None = None,
               quantization: dict[int, Any] | None = None) -> int:  # fmt: skip
        made: dict[int, Any] = {0: np.array(shape, "<i4"), 1: ("b", type_), 3: name}
        if data is not None:
            self.buffers.append({0: data.tobytes()})
            made[2] = ("I", len(self.buffers) - 1)
        if quantization is not None:
            made[4] = quantization
        self.tensors.append(made)
        return len(self.tensors) - 1

    def operator(self, code: int, inputs: list[int], outputs: list[int], options: dict[int, Any] | None = None) -> None:
        made: dict[int, Any] = {
            0: ("I", _CODES.index(code)),
            1: np.array(inputs, "<i4"),
            2: np.array(outputs, "<i4"),
        }
        if options is not None and code in _OPTIONS:
            made |= {3: ("B", _OPTIONS[code]), 4: options}
        self.operators.append(made)

    def activation(self, name: str, shape: tuple[int, ...], *, clamped: bool = False) -> int:
        """The tensor of a map. If it is `clamped`, an 8-bit map has numbers for 0 to 6 alone."""
        if self.kind in _FLOATING:
            return self.tensor(name, shape, FLOAT)
        scale = {2: np.array([0.05], "<f4"), 3: np.array([3], "<i8")}
        if clamped:
            scale = {2: np.array([6 / 255], "<f4"), 3: np.array([-128 if self.kind == "int8" else 0], "<i8")}
        return self.tensor(name, shape, INT8 if self.kind == "int8" else UINT8, quantization=scale)

    def weights(self, name: str, values: np.ndarray, *, axis: int) -> tuple[int, np.ndarray]:
        """A constant tensor, and the values that it stands for. `axis` is that of the output channels."""
        if self.kind == "float" or (self.kind == "weights" and values.ndim == 1):
            return self.tensor(name, values.shape, FLOAT, data=values), values
        if self.kind == "half":
            narrow = values.astype(np.float16)
            stored = self.tensor(f"{name} stored", values.shape, HALF, data=narrow)
            wide = self.tensor(name, values.shape, FLOAT)
            self.operator(DEQUANTIZE, [stored], [wide])
            return wide, narrow.astype(np.float32)
        if values.ndim == 1:  # a bias has 32 bits
            whole = np.round(values / 0.001).astype("<i4")
            meaning = {2: np.array([0.001], "<f4"), 3: np.array([0], "<i8")}
            return self.tensor(name, values.shape, INT32, data=whole, quantization=meaning), whole * np.float32(0.001)
        if self.kind == "uint8":
            scale, zero = float(np.ptp(values) / 255), 117
            whole = np.clip(np.round(values / scale) + zero, 0, 255).astype(np.uint8)
            meaning = {2: np.array([scale], "<f4"), 3: np.array([zero], "<i8")}
            stands = (whole.astype(np.float32) - zero) * np.float32(scale)
            return self.tensor(name, values.shape, UINT8, data=whole, quantization=meaning), stands
        others = tuple(i for i in range(values.ndim) if i != axis)
        scales = (np.abs(values).max(axis=others, keepdims=True) / 127).astype(np.float32)
        whole = np.round(values / scales).astype(np.int8)
        meaning = {2: scales.ravel(), 3: np.zeros(scales.size, "<i8"), 6: ("i", axis)}
        return self.tensor(name, values.shape, INT8, data=whole, quantization=meaning), whole * scales


def write_tflite(
    values: Values,
    *,
    kind: Kind,
    anchors: np.ndarray | None = None,
    options: bytes = b"",
    background: bool = True,
    metadata: bytes | None = None,
) -> tuple[bytes, Values]:
    """The file, and the values that its numbers stand for. With `anchors` it ends with the postprocessing.

    Without `background`, the class predictions have no row for it.
    """
    writer = Writer(kind)
    image = _input(writer)
    made: dict[str, tuple[int, tuple[int, ...]]] = {"image": (image, (1, HEIGHT, WIDTH, 3))}
    for layer in LAYERS:
        own = values[layer.name]
        if layer.name.startswith("classes") and not background:
            own = _without_background(own)
        made[layer.name] = _layer(writer, layer, made, own)
    joints = [_joint(writer, made, name, last) for name, last in (("boxes", 4), ("classes", CLASSES + background))]
    outputs = joints
    if anchors is not None:
        outputs = _postprocess(writer, joints, anchors, options)
    subgraph = {
        0: writer.tensors,
        1: np.array([image], "<i4"),
        2: np.array(outputs, "<i4"),
        3: writer.operators,
        4: "main",
    }
    codes = [{0: ("b", code), 1: POSTPROCESS if code == CUSTOM else "", 2: ("i", 1), 3: ("i", code)} for code in _CODES]
    model: dict[int, Any] = {0: ("I", 3), 1: codes, 2: [subgraph], 3: "made by a test", 4: writer.buffers}
    if metadata is not None:
        writer.buffers.append({0: metadata})
        model[6] = [{0: "TFLITE_METADATA", 1: ("I", len(writer.buffers) - 1)}]
    return write_buffer(model, b"TFL3"), writer.dequantized


def _input(writer: Writer) -> int:
    if writer.kind in _FLOATING:
        return writer.tensor("normalized_input_image_tensor", (1, HEIGHT, WIDTH, 3), FLOAT)
    signed = writer.kind == "int8"  # such files take pixels - 128
    meaning = {2: np.array([_INPUT_SCALE], "<f4"), 3: np.array([_INPUT_ZERO - 128 * signed], "<i8")}
    return writer.tensor("image", (1, HEIGHT, WIDTH, 3), INT8 if signed else UINT8, quantization=meaning)


def _layer(writer: Writer, layer: Any, made: dict, own: tuple[np.ndarray, np.ndarray]) -> tuple[int, tuple[int, ...]]:
    weights, bias = own
    source, (_, height, width, _) = made[layer.source]
    if layer.depthwise:
        order = weights.reshape(1, layer.kernel, layer.kernel, -1)
        at, stands = writer.weights(f"{layer.name}/weights", order, axis=3)
        restored = stands.reshape(weights.shape)
    else:
        at, stands = writer.weights(f"{layer.name}/weights", weights.transpose(3, 0, 1, 2), axis=0)
        restored = stands.transpose(1, 2, 3, 0)
    bias_at, bias_stands = writer.weights(f"{layer.name}/bias", bias, axis=0)
    writer.dequantized[layer.name] = restored, bias_stands
    shape = (1, -(-height // layer.stride), -(-width // layer.stride), len(bias))
    implied = layer.relu6 and writer.kind in ("int8", "uint8") and layer.name == "first"
    out = writer.activation(layer.name if not layer.plus else f"{layer.name}/before", shape, clamped=implied)
    stride = {1: ("i", layer.stride), 2: ("i", layer.stride)}
    fused = ("b", _RELU6 if layer.relu6 and not implied else 0)
    multiplier = {3: ("i", weights.shape[3])}
    options = {**stride, **multiplier, 4: fused} if layer.depthwise else {**stride, 3: fused}
    writer.operator(DEPTHWISE if layer.depthwise else CONVOLUTION, [source, at, bias_at], [out], options)
    if layer.plus:
        total = writer.activation(layer.name, shape)
        writer.operator(ADD, [out, made[layer.plus][0]], [total], {0: ("b", 0)})
        out = total
    return out, shape


def _without_background(own: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    weights, bias = own
    rows = weights.reshape(*weights.shape[:3], -1, CLASSES + 1)[..., 1:]
    return rows.reshape(*weights.shape[:3], -1), bias.reshape(-1, CLASSES + 1)[:, 1:].reshape(-1)


def _joint(writer: Writer, made: dict, name: str, last: int) -> int:
    rows = []
    for number in range(len(BOXES)):
        value, (_, height, width, channels) = made[f"{name}{number}"]
        count = height * width * channels // last
        shape = writer.tensor(f"{name}{number}/shape", (3,), INT32, data=np.array([1, -1, last], "<i4"))
        rows.append(writer.activation(f"{name}{number}/rows", (1, count, last)))
        writer.operator(RESHAPE, [value, shape], [rows[-1]], {})
    total = sum(writer.tensors[row][0][1] for row in rows)
    joined = writer.activation(name, (1, int(total), last))
    writer.operator(CONCATENATION, rows, [joined], {0: ("i", 1)})
    return joined


def _postprocess(writer: Writer, joints: list[int], anchors: np.ndarray, options: bytes) -> list[int]:
    scores = writer.activation("scores", tuple(writer.tensors[joints[1]][0]))
    writer.operator(LOGISTIC, [joints[1]], [scores])
    at = writer.tensor("anchors", anchors.shape, FLOAT, data=anchors)
    ends = [writer.tensor(name, (1, 10), FLOAT) for name in ("found boxes", "found classes", "found scores", "count")]
    writer.operator(CUSTOM, [joints[0], scores, at], ends)
    writer.operators[-1][5] = options
    return ends
