"""Reads a .tflite file: operations, constants as float32, labels and normalization.

Numbers of fields and operators are facts of the public schema.fbs of TFLite. Values of 16 bits are widened, quantized
ones become (number - zero point) · scale; the rounding of activations to 8 bits is not repeated, because the detector
computes in floating point.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import WeightsError
from multibox.weights.description_text import KEY
from multibox.weights.origins.flatbuffer import Table
from multibox.weights.origins.flexbuffer import read_map
from multibox.weights.origins.tensorflow.graph import MAX_OPERATIONS, Graph, Operation, Quantization, most_values
from multibox.weights.origins.tensorflow.tflite_metadata import read_labels, read_normalization

_TYPES = {0: "<f4", 1: "<f2", 2: "<i4", 3: "u1", 4: "<i8", 6: "?", 7: "<i2", 9: "i1", 10: "<f8", 12: "<u8", 15: "<u4"}
_KINDS = {
    0: "Add",
    1: "AvgPool",
    2: "ConcatV2",
    3: "Conv2D",
    4: "DepthwiseConv2dNative",
    6: "Identity",  # dequantize
    9: "MatMul",
    14: "Sigmoid",
    17: "MaxPool",
    18: "Mul",
    19: "Relu",
    21: "Relu6",
    22: "Reshape",
    23: "ResizeBilinear",
    25: "Softmax",
    28: "Tanh",
    34: "Pad",
    39: "Transpose",
    40: "Mean",
    41: "Sub",
    42: "RealDiv",
    43: "Squeeze",
    45: "StridedSlice",
    54: "PRelu",
    65: "Slice",
    70: "ExpandDims",
    83: "Pack",
    97: "ResizeNearestNeighbor",
    98: "LeakyRelu",
    114: "Identity",  # quantize
    117: "HardSwish",
}
_CUSTOM = 32
_EDGE_TPU = "edgetpu-custom-op"
_UINT8, _INT8 = 3, 9
_CLAMPED = ("Conv2D", "DepthwiseConv2dNative", "Add")
_NEARLY_6 = 0.1
_ACTIVATIONS = {1: "Relu", 3: "Relu6", 4: "Tanh"}


def read_tflite(path: Path) -> Graph:
    """The graph of a .tflite file. Raises WeightsError if the file is damaged or holds something that is not read."""
    try:
        data = memoryview(path.read_bytes())
        return _Reader(str(path), data).graph()
    except OSError as problem:
        raise WeightsError(f"cannot read {path} ({problem.strerror}): give the path of a .tflite file") from None
    except (ValueError, IndexError, OverflowError, struct.error):
        raise WeightsError(
            f"{path} is a TFLite model that is damaged or not complete: copy or fetch it again"
        ) from None


class _Reader:
    """The parts of one file that several steps need."""

    def __init__(self, source: str, data: memoryview) -> None:
        self.source, self.data = source, data
        self.model = Table.root(data)
        if any(entry.text(0) == KEY for entry in self.model.tables(6)):
            raise WeightsError(f"{source} is a model that multibox exported: use it without importing it")
        subgraphs = self.model.tables(2)
        if len(subgraphs) < 1:
            raise ValueError("a model without graph")
        self.subgraph = subgraphs[0]
        self.buffers = self.model.tables(4)
        self.tensors = self.subgraph.tables(0)
        self.names = _unique([tensor.text(3) or "value" for tensor in self.tensors])
        self.codes = [_code(table) for table in self.model.tables(1)]

    def graph(self) -> Graph:
        inputs = self.subgraph.integers(1)
        operators = self.subgraph.tables(3)
        if len(operators) > MAX_OPERATIONS or not inputs:
            raise ValueError("no graph, or one that is too large")
        constants = {name: array for name, array in self._constants() if array is not None}
        operations: dict[str, Operation] = {}
        for number, operator in enumerate(operators):
            for made in self._operations(operator, number):
                operations |= dict.fromkeys(made.outputs, made)
        return Graph(
            self.source,
            operations,
            constants,
            {self.names[i]: tuple(self.tensors[i].integers(0)) for i in inputs},
            outputs=tuple(self.names[i] for i in self.subgraph.integers(2)),
            labels=read_labels(self.data),
            normalization=read_normalization(self.model, self.buffers),
            quantized=_of_pixels(self.tensors[inputs[0]]),
        )

    def _constants(self) -> Iterator[tuple[str, np.ndarray | None]]:
        """The values of tensors that have a buffer with content, None for others."""
        total = 0
        for name, tensor in zip(self.names, self.tensors, strict=True):
            buffer = tensor.integer(2, "I")
            content = self._content(self.buffers[buffer]) if buffer else memoryview(b"")
            total += len(content)
            if total > most_values(len(self.data)):
                raise ValueError("tensors that share their values too often")
            yield name, self._array(name, tensor, content) if len(content) else None

    def _content(self, buffer: Table) -> memoryview:
        """The bytes of a buffer, which newer converters put behind the FlatBuffer."""
        start, size = (buffer.integer(field, "Q") for field in (1, 2))
        if start <= 1:  # converters write 1 first, and put the place in later
            return buffer.bytes(0)
        if start + size > len(self.data):
            raise ValueError("a buffer that ends outside of the file")
        return self.data[start : start + size]

    def _array(self, name: str, tensor: Table, content: memoryview) -> np.ndarray | None:
        kind = tensor.integer(1, "b")
        if kind == 5:  # texts, which no detector computes with
            return None
        if kind not in _TYPES or tensor.table(6) is not None:
            what = "sparse values" if kind in _TYPES else f"values of TFLite's type {kind}"
            raise WeightsError(f"{self.source} holds {name[:60]!r} with {what}, which are not read: convert it without")
        shape = [int(side) for side in tensor.integers(0)]
        values = np.frombuffer(content, dtype=_TYPES[kind])
        if min(shape, default=1) < 0 or prod(shape) != len(values):
            raise ValueError("a tensor whose shape does not fit its values")
        return _dequantized(values.reshape(shape), tensor.table(4))

    def _operations(self, operator: Table, number: int) -> Iterator[Operation]:
        """One operator as operations: its own, the bias, the activation."""
        code, custom = self.codes[operator.integer(0, "I")]
        kind = custom if code == _CUSTOM else _KINDS.get(code, f"TFLite's operator {code}")
        if kind == _EDGE_TPU:
            raise WeightsError(
                f"{self.source} is compiled for the Edge TPU, which hides its network: import the file that it was "
                "compiled from"
            )
        options = operator.table(4)
        settings, activation = _settings(kind, options, operator)
        inputs = [self.names[i] for i in operator.integers(1) if i >= 0]
        outputs = [self.names[i] for i in operator.integers(2)]
        if activation is None and kind in _CLAMPED and outputs:
            activation = _implied_activation(self.tensors[operator.integers(2)[0]])
        last, steps = outputs[0] if outputs else f"operator {number}", []
        if kind in ("Conv2D", "DepthwiseConv2dNative", "MatMul") and len(inputs) > 2:
            steps.append(("BiasAdd", inputs.pop()))
        if activation is not None:
            steps.append((activation, ""))
        value = f"{last}/{kind}" if steps else last
        yield Operation(kind, last, tuple(inputs), (value, *outputs[1:]), settings)
        for at, (step, extra) in enumerate(steps):
            given, value = value, last if at == len(steps) - 1 else f"{last}/{step}"
            yield Operation(step, last, (given, extra) if extra else (given,), (value,))


def _unique(names: Sequence[str]) -> list[str]:
    """The names, with the position where one occurs again."""
    seen: set[str] = set()
    found = []
    for number, name in enumerate(names):
        found.append(f"{name} #{number}" if name in seen else name)
        seen.add(name)
    return found


def _code(table: Table) -> tuple[int, str]:
    """The number of an operator, and the name of a custom one. Old files have the number in a field of one byte."""
    return max(table.integer(0, "b"), table.integer(3)), table.text(1)


def _quantization(tensor: Table) -> Quantization | None:
    """What the numbers of a quantized tensor mean, None for one of floating-point numbers."""
    quantization = tensor.table(4)
    if quantization is None or tensor.integer(1, "b") not in (_UINT8, _INT8):
        return None
    scales, zeros = quantization.array(2, "<f4"), quantization.array(3, "<i8")
    if len(scales) != 1 or not scales[0] > 0:
        return None
    return Quantization(float(scales[0]), int(zeros[0]) if len(zeros) else 0)


def _of_pixels(tensor: Table) -> Quantization | None:
    """What pixels of 0 to 255 mean as input; an int8 input takes them with 128 subtracted."""
    meaning = _quantization(tensor)
    if meaning is None or tensor.integer(1, "b") == _UINT8:
        return meaning
    return Quantization(meaning.scale, meaning.zero + 128)


def _implied_activation(tensor: Table) -> str | None:
    """The activation that the range of an 8-bit result stands for: converters leave out a ReLU that changes nothing."""
    meaning = _quantization(tensor)
    lowest = 0 if tensor.integer(1, "b") == _UINT8 else -128
    if meaning is None or meaning.zero != lowest:
        return None
    return "Relu6" if abs(255 * meaning.scale - 6) < _NEARLY_6 else "Relu"


def _dequantized(values: np.ndarray, quantization: Table | None) -> np.ndarray:
    """Values that count as float32; whole numbers without scales, such as shapes, stay as they are."""
    scales = np.empty(0, np.float32) if quantization is None else quantization.array(2, "<f4")
    if quantization is None or not len(scales) or values.dtype.kind not in "iu":
        return values.astype(np.float32) if values.dtype.kind == "f" else values
    zeros = quantization.array(3, "<i8")
    axis = quantization.integer(6) if len(scales) > 1 else 0
    sides = [1] * values.ndim
    if len(scales) > 1:
        if not 0 <= axis < values.ndim or values.shape[axis] != len(scales) or len(zeros) not in (0, len(scales)):
            raise ValueError("scales that do not fit the values")
        sides[axis] = len(scales)
    shift = zeros[: len(scales)].astype(np.float64) if len(zeros) else np.zeros(len(scales))
    wide = (values.astype(np.float64) - shift.reshape(sides)) * scales.astype(np.float64).reshape(sides)
    return wide.astype(np.float32)


def _settings(kind: str, options: Table | None, operator: Table) -> tuple[dict[str, Any], str | None]:
    """The settings of an operator, and its activation."""
    if kind == "TFLite_Detection_PostProcess":
        return dict(read_map(operator.bytes(5))), None
    if options is None or kind not in _SETTINGS:
        return {}, None
    settings = _SETTINGS[kind](options)
    number = settings.pop("activation", 0)
    if number and number not in _ACTIVATIONS:
        raise ValueError(f"activation {number}")
    return settings, _ACTIVATIONS.get(number)


def _padding(table: Table) -> str:
    return "VALID" if table.integer(0, "b") else "SAME"


def _convolution(table: Table) -> dict[str, Any]:
    return {
        "padding": _padding(table),
        "strides": (table.integer(2), table.integer(1)),
        "activation": table.integer(3, "b"),
        "dilations": (table.integer(5, default=1), table.integer(4, default=1)),
        "layout": "OHWI",
    }


def _depthwise(table: Table) -> dict[str, Any]:
    return {
        "padding": _padding(table),
        "strides": (table.integer(2), table.integer(1)),
        "activation": table.integer(4, "b"),
        "dilations": (table.integer(6, default=1), table.integer(5, default=1)),
        "layout": "1HWO",
    }


def _pool(table: Table) -> dict[str, Any]:
    return {
        "padding": _padding(table),
        "strides": (table.integer(2), table.integer(1)),
        "kernel": (table.integer(4), table.integer(3)),
        "activation": table.integer(5, "b"),
    }


def _activated(table: Table) -> dict[str, Any]:
    return {"activation": table.integer(0, "b")}


_SETTINGS: dict[str, Callable[[Table], dict[str, Any]]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "AvgPool": _pool,
    "MaxPool": _pool,
    "Add": _activated,
    "Sub": _activated,
    "Mul": _activated,
    "RealDiv": _activated,
    "ConcatV2": lambda table: {"axis": table.integer(0), "activation": table.integer(1, "b")},
    "Pack": lambda table: {"axis": table.integer(1)},
    "Mean": lambda table: {"keep_dims": bool(table.integer(0, "b"))},
    "LeakyRelu": lambda table: {"alpha": table.number(0)},
    "ResizeBilinear": lambda table: {"align_corners": bool(table.integer(2, "b")), "half": bool(table.integer(3, "b"))},
    "ResizeNearestNeighbor": lambda table: {
        "align_corners": bool(table.integer(0, "b")),
        "half": bool(table.integer(1, "b")),
    },
}
