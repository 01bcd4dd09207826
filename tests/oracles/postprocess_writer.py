"""Appends a sigmoid and TFLite_Detection_PostProcess to a .tflite file with raw outputs, with LiteRT's own schema."""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

POSTPROCESS = "TFLite_Detection_PostProcess"
_SUFFIXES = ("", ":1", ":2", ":3")


def with_postprocess(
    content: bytes, *, boxes: str, classes: str, anchors: np.ndarray, options: dict[str, int | float | bool]
) -> bytes:
    """The file with the operators behind its outputs of these names."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    graph = model.subgraphs[0]
    places = {tensor.name.decode(): at for at, tensor in enumerate(graph.tensors)}
    rows = int(options["max_detections"])
    scores = _tensor(model, "scores", graph.tensors[places[classes]].shape)
    ends = [
        _tensor(model, POSTPROCESS + suffix, shape)
        for suffix, shape in zip(_SUFFIXES, ((1, rows, 4), (1, rows), (1, rows), (1,)), strict=True)
    ]
    _operator(model, schema.BuiltinOperator.LOGISTIC, [places[classes]], [scores])
    given = [places[boxes], scores, _tensor(model, "anchors", anchors.shape, data=anchors)]
    _operator(model, schema.BuiltinOperator.CUSTOM, given, ends, options=bytes(flexbuffers.Dumps(options)))
    graph.outputs = ends
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(model: Any, name: str, shape: Any, *, data: np.ndarray | None = None) -> int:
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, list(shape), schema.TensorType.FLOAT32, 0
    if data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(data.astype("<f4").tobytes(), np.uint8)
        model.buffers.append(buffer)
        made.buffer = len(model.buffers) - 1
    model.subgraphs[0].tensors.append(made)
    return len(model.subgraphs[0].tensors) - 1


def _operator(model: Any, code: int, inputs: list[int], outputs: list[int], *, options: bytes | None = None) -> None:
    kind, made = schema.OperatorCodeT(), schema.OperatorT()
    kind.builtinCode = kind.deprecatedBuiltinCode = code
    kind.version = 1
    if options is not None:
        kind.customCode = POSTPROCESS
        made.customOptions = list(options)
    model.operatorCodes.append(kind)
    made.opcodeIndex, made.inputs, made.outputs = len(model.operatorCodes) - 1, inputs, outputs
    model.subgraphs[0].operators.append(made)
