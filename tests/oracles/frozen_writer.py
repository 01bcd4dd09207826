"""Writes the small SSD as a frozen graph of TensorFlow. Independent of the reader under test.

Field numbers are those of the public .proto files: GraphDef.node 1; NodeDef name 1, op 2, input 3, attr 5; AttrValue
list 1, s 2, i 3, f 4, b 5, type 6, shape 7, tensor 8; TensorProto dtype 1, tensor_shape 2, tensor_content 4;
TensorShapeProto.dim 2 with size 1.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oracles.mini_ssd import BOXES, CLASSES, HEIGHT, LAYERS, MEAN, STD, WIDTH, Layer, Values

_FLOAT, _INT32 = 1, 3


def _varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def field_of(number: int, content: bytes | int) -> bytes:
    """One field: a number, or bytes."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _shape(sides: Sequence[int]) -> bytes:
    return b"".join(field_of(2, field_of(1, side)) for side in sides)


def _attribute(value: Any) -> bytes:
    if isinstance(value, str):
        return field_of(2, value.encode())
    if isinstance(value, bool):
        return field_of(5, int(value))
    if isinstance(value, int):
        return field_of(3, value)
    if isinstance(value, float):
        return _varint(4 << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, np.ndarray):
        kind = _FLOAT if value.dtype.kind == "f" else _INT32
        stored = value.astype("<f4" if kind == _FLOAT else "<i4").tobytes()
        return field_of(8, field_of(1, kind) + field_of(2, _shape(value.shape)) + field_of(4, stored))
    if value and isinstance(value, tuple):
        return field_of(1, b"".join(field_of(3, one) for one in value))
    return field_of(7, _shape(value))


@dataclass
class Writer:
    """Nodes of a graph."""

    nodes: list[bytes] = field(default_factory=list)

    def node(self, kind: str, name: str, inputs: Sequence[str] = (), **options: Any) -> str:
        content = field_of(1, name.encode()) + field_of(2, kind.encode())
        content += b"".join(field_of(3, value.encode()) for value in inputs)
        for key, value in options.items():
            content += field_of(5, field_of(1, key.encode()) + field_of(2, _attribute(value)))
        content += field_of(5, field_of(1, b"T") + field_of(2, field_of(6, _FLOAT)))
        self.nodes.append(field_of(1, content))
        return name

    def constant(self, name: str, values: np.ndarray) -> str:
        content = field_of(1, name.encode()) + field_of(2, b"Const")
        kind = _FLOAT if values.dtype.kind == "f" else _INT32
        content += field_of(5, field_of(1, b"value") + field_of(2, _attribute(values)))
        content += field_of(5, field_of(1, b"dtype") + field_of(2, field_of(6, kind)))
        self.nodes.append(field_of(1, content))
        return self.node("Identity", f"{name}/read", [name])


def repeated(writer: Writer, name: str, shape: Sequence[int]) -> str:
    """A constant array of one value, which a file stores once."""
    one = _varint(5 << 3 | 2) + _varint(4) + struct.pack("<f", 0.001)
    tensor = field_of(8, field_of(1, _FLOAT) + field_of(2, _shape(shape)) + one)
    content = field_of(1, name.encode()) + field_of(2, b"Const")
    writer.nodes.append(field_of(1, content + field_of(5, field_of(1, b"value") + field_of(2, tensor))))
    return name


def write_frozen(
    values: Values,
    *,
    anchors: np.ndarray | None = None,
    score: str = "Sigmoid",
    batch_norm: bool = False,
    dropped: int | None = None,
) -> bytes:
    """The graph from pixels to scores. With `batch_norm` each layer with ReLU6 has one, which changes nothing.

    With `dropped` it ends with the API's slice that leaves out so many scores of each box.
    """
    writer = Writer()
    pixels = placeholder(writer, HEIGHT, WIDTH)
    scaled = writer.node(
        "Mul", "Preprocessor/mul", [pixels, writer.constant("Preprocessor/mul/x", np.float32([1 / STD]))]
    )
    image = writer.node(
        "Sub", "Preprocessor/sub", [scaled, writer.constant("Preprocessor/sub/y", np.float32([MEAN / STD]))]
    )
    made = {"image": image}
    for layer in LAYERS:
        made[layer.name] = _layer(writer, layer, made, values[layer.name], batch_norm=batch_norm)
    joints = []
    for name, last in (("boxes", 4), ("classes", CLASSES + 1)):
        shape = writer.constant(f"{name}/shape", np.array([1, -1, last], np.int32))
        rows = [writer.node("Reshape", f"{name}{i}/rows", [made[f"{name}{i}"], shape]) for i in range(len(BOXES))]
        axis = writer.constant(f"{name}/axis", np.array(1, np.int32))
        joints.append(writer.node("ConcatV2", f"{name}/concat", [*rows, axis], N=len(rows)))
    scores = writer.node(score, "Postprocessor/convert_scores", [joints[1]])
    if dropped is not None:
        edges = {"begin": [0, 0, dropped], "size": [-1, -1, -1]}
        parts = [writer.constant(f"Postprocessor/Slice/{name}", np.array(at, np.int32)) for name, at in edges.items()]
        writer.node("Slice", "Postprocessor/Slice", [scores, *parts])
    if anchors is not None:
        center, half = anchors[:, :2], anchors[:, 2:] / 2
        writer.constant("Concatenate/concat", np.concatenate([center - half, center + half], axis=1).astype(np.float32))
    return b"".join(writer.nodes)


def placeholder(writer: Writer, height: int, width: int) -> str:
    """The input, an image of this size."""
    shape = field_of(5, field_of(1, b"shape") + field_of(2, field_of(7, _shape((1, height, width, 3)))))
    kind = field_of(5, field_of(1, b"dtype") + field_of(2, field_of(6, _FLOAT)))
    content = field_of(1, b"image_tensor") + field_of(2, b"Placeholder") + shape + kind
    writer.nodes.append(field_of(1, content))
    return "image_tensor"


def _layer(
    writer: Writer, layer: Layer, made: dict[str, str], own: tuple[np.ndarray, np.ndarray], *, batch_norm: bool
) -> str:
    weights, bias = own
    kind = "DepthwiseConv2dNative" if layer.depthwise else "Conv2D"
    names = {"boxes": "BoxEncodingPredictor", "class": "ClassPredictor"}
    name = f"FeatureExtractor/{names.get(layer.name[:5], layer.name)}{layer.name[-1]}"
    options = {
        "strides": (1, layer.stride, layer.stride, 1),
        "padding": "SAME",
        "data_format": "NHWC",
        "dilations": (1, 1, 1, 1),
    }
    value = writer.node(
        kind, f"{name}/{kind}", [made[layer.source], writer.constant(f"{name}/weights", weights)], **options
    )
    if batch_norm and layer.relu6:
        rng = np.random.default_rng(len(layer.name))
        mean, variance = rng.normal(0, 1, len(bias)), rng.uniform(0.5, 2, len(bias))
        arrays = {"gamma": np.sqrt(variance + 0.001), "beta": bias + mean, "mean": mean, "variance": variance}
        given = [writer.constant(f"{name}/{key}", array.astype(np.float32)) for key, array in arrays.items()]
        value = writer.node(
            "FusedBatchNormV3",
            f"{name}/BatchNorm",
            [value, *given],
            epsilon=0.001,
            is_training=False,
            data_format="NHWC",
        )
    else:
        given = [value, writer.constant(f"{name}/bias", bias)]
        value = writer.node("BiasAdd", f"{name}/BiasAdd", given, data_format="NHWC")
    if layer.relu6:
        value = writer.node("Relu6", f"{name}/Relu6", [value])
    return writer.node("AddV2", f"{name}/add", [value, made[layer.plus]]) if layer.plus else value
