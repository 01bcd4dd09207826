"""Reads a frozen graph of TensorFlow (.pb): its operations and constants, without TensorFlow.

A frozen graph is a GraphDef in protobuf's wire format. Field numbers are facts of the public .proto files: GraphDef
node 1; NodeDef name 1, op 2, input 3, attr 5; AttrValue list 1, s 2, i 3, f 4, b 5, type 6, shape 7, tensor 8;
TensorProto dtype 1, tensor_shape 2, tensor_content 4, float_val 5, double_val 6, int_val 7, int64_val 10, bool_val 11,
half_val 13; TensorShapeProto dim 2 with size 1.
"""

import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from multibox.errors import WeightsError
from multibox.weights.origins.protobuf import Value, as_bytes, integers, message_fields
from multibox.weights.origins.tensorflow.graph import MAX_OPERATIONS, Graph, Operation, Shape

_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 19: "<f2"}
_LISTS = {5: "<f4", 6: "<f8"}
_WHOLE_LISTS = (7, 10, 11)
_HALF_LIST = 13
_FLOATS = (1, 2, 19)
_MAX_VALUES = 1 << 28
_VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "ReadVariableOp")


def read_frozen_graph(path: Path) -> Graph:
    """The graph of a .pb file. Raises WeightsError if it is no frozen graph."""
    try:
        content = memoryview(path.read_bytes())
        nodes = [_node(as_bytes(value)) for number, value in message_fields(content) if number == 1]
    except OSError as problem:
        raise WeightsError(f"cannot read {path} ({problem.strerror}): give the path of a .pb file") from None
    except (ValueError, IndexError, OverflowError, struct.error):
        nodes = []
    if not 1 <= len(nodes) <= MAX_OPERATIONS:
        raise WeightsError(f"{path} is a TensorFlow graph that is damaged or not complete: copy or fetch it again")
    return _graph(str(path), nodes)


def _graph(source: str, nodes: Sequence[Operation]) -> Graph:
    loose = next((node.name for node in nodes if node.kind in _VARIABLES), None)
    if loose is not None:
        raise WeightsError(
            f"{source} is a TensorFlow graph whose variable {loose[:60]!r} is in another file: freeze the graph, or "
            "export the detector as .tflite"
        )
    operations: dict[str, Operation] = {}
    for node in nodes:
        operations |= dict.fromkeys(node.outputs, node)
    for node in nodes:  # values other than the first of their operation are known by those who take them
        for value in node.inputs:
            name, colon, port = value.rpartition(":")
            if value not in operations and colon and port.isdigit() and name in operations:
                operations[value] = operations[name]
    constants = {node.name: node.options["value"] for node in nodes if _is_constant(node)}
    inputs = {node.name: node.options.get("shape", ()) for node in nodes if node.kind == "Placeholder"}
    known = {name: made for name, made in operations.items() if name not in constants and name not in inputs}
    return Graph(source, known, constants, inputs)


def _is_constant(node: Operation) -> bool:
    return node.kind == "Const" and isinstance(node.options.get("value"), np.ndarray)


def _node(message: memoryview) -> Operation:
    name = kind = ""
    inputs: list[str] = []
    options: dict[str, Any] = {}
    for number, value in message_fields(message):
        if number == 1:
            name = str(as_bytes(value), "utf-8")
        elif number == 2:
            kind = str(as_bytes(value), "utf-8")
        elif number == 3:
            inputs.append(str(as_bytes(value), "utf-8").removesuffix(":0"))
        elif number == 5:
            key, setting = _attribute(as_bytes(value))
            options[key] = setting
    given = tuple(value for value in inputs if not value.startswith("^"))  # ^ marks an order, not a value
    return Operation(kind, name, given, (name,), options)


def _attribute(message: memoryview) -> tuple[str, Any]:
    """The name and the value of a setting: a text, a number, a shape, an array, or a list of whole numbers."""
    key, setting = "", None
    for number, value in message_fields(message):
        if number == 1:
            key = str(as_bytes(value), "utf-8")
        elif number == 2:
            setting = _setting(as_bytes(value))
    return key, setting


def _setting(message: memoryview) -> Any:
    for number, value in message_fields(message):
        if number == 1:
            return _whole_list(as_bytes(value))
        if number == 2:
            return str(as_bytes(value), "utf-8", "replace")
        if number in (3, 6):
            return _signed(_whole(value))
        if number == 4:
            return struct.unpack("<f", as_bytes(value))[0]
        if number == 5:
            return bool(value)
        if number == 7:
            return _shape(as_bytes(value))
        if number == 8:
            return _array(as_bytes(value))
    return None


def _whole_list(message: memoryview) -> tuple[int, ...]:
    found = [integers(value) for number, value in message_fields(message) if number == 3]
    return tuple(_signed(one) for part in found for one in part)


def _whole(value: Value) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes instead of a number")
    return value


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def _shape(message: memoryview) -> Shape:
    """The sides; None for an open one."""
    sides: list[int | None] = []
    for number, value in message_fields(message):
        if number == 2:
            given = [_signed(_whole(side)) for field, side in message_fields(as_bytes(value)) if field == 1]
            size = given[-1] if given else 0
            sides.append(size if size >= 0 else None)
    return tuple(sides)


def _array(message: memoryview) -> np.ndarray | None:
    """The array of a TensorProto, None for texts and types that hold no plain numbers."""
    kind = 0
    shape: Shape = ()
    values: np.ndarray | None = None
    listed: list[np.ndarray] = []
    for number, value in message_fields(message):
        if number == 1:
            kind = _whole(value)
        elif number == 2:
            shape = _shape(as_bytes(value))
        elif number == 4 and kind in _TYPES:
            values = np.frombuffer(as_bytes(value), dtype=_TYPES[kind])
        elif number in _LISTS:
            listed.append(np.frombuffer(as_bytes(value), dtype=_LISTS[number]))
        elif number in _WHOLE_LISTS:
            listed.append(np.array([_signed(one) for one in integers(value)]))
        elif number == _HALF_LIST:
            listed.append(np.array(integers(value), dtype=np.uint16).view("<f2"))
    if kind not in _TYPES:
        return None
    sides = [side or 0 for side in shape]
    if values is None or not len(values):
        values = np.concatenate([np.empty(0), *listed]) if listed else np.zeros(1)
    return _filled(values.astype(_plain(kind), copy=False), sides)


def _filled(values: np.ndarray, sides: Sequence[int]) -> np.ndarray:
    """The values in their shape. A single value stands for a whole array, which then takes no memory of its own."""
    count = prod(sides)
    if count > _MAX_VALUES or len(values) not in (1, count):
        raise ValueError("an array whose shape does not fit its values")
    return values.reshape(sides) if len(values) == count else np.broadcast_to(values, sides)


def _plain(kind: int) -> np.dtype:
    """The type to compute with: float32 for all floating-point numbers, the own one for others."""
    return np.dtype(np.float32) if kind in _FLOATS else np.dtype(_TYPES[kind]).newbyteorder("=")
