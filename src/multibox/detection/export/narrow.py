"""Weights of an ONNX graph in 16 bits, widened again where they are used."""

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from onnx import ModelProto

_TYPES = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
_FEW = 1024


def narrow_weights(model: "ModelProto", precision: str) -> None:
    """Store the network's large float32 tensors as "fp16" or "bf16"; engines widen them once, when they load the model.

    Those of the choice, the priors, stay as they are.
    """
    kept, casts = [], []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or tensor.name.startswith("choice/") or _size(tensor) < _FEW:
            kept.append(tensor)
            continue
        kept.append(_narrow(tensor, _TYPES[precision]))
        casts.append(helper.make_node("Cast", [kept[-1].name], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)


def _size(tensor: TensorProto) -> int:
    return int(np.prod(tensor.dims))


def _narrow(tensor: TensorProto, kind: int) -> TensorProto:
    values = numpy_helper.to_array(tensor).astype(helper.tensor_dtype_to_np_dtype(kind))
    return numpy_helper.from_array(values, f"{tensor.name}/narrow")
