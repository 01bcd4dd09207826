"""Weights of an ONNX graph stored in 16 bits and converted back to float32 when the model is loaded."""

from math import prod
from typing import TYPE_CHECKING

from onnx import TensorProto, helper, numpy_helper

from multibox.detection.export.network import POSTPROCESS_PREFIX

if TYPE_CHECKING:
    from onnx import ModelProto

_TYPES = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
_MIN_SIZE = 1024  # values of a tensor that is worth a conversion


def narrow_weights(model: "ModelProto", precision: str) -> None:
    """Store the network's large float32 tensors as "fp16" or "bf16".

    Engines convert them back when they load the model. The tensors of postprocessing, which hold the priors, stay
    in float32.
    """
    kept, casts = [], []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or _is_kept(tensor):
            kept.append(tensor)
            continue
        kept.append(_narrow(tensor, _TYPES[precision]))
        casts.append(helper.make_node("Cast", [kept[-1].name], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)


def _is_kept(tensor: TensorProto) -> bool:
    return tensor.name.startswith(POSTPROCESS_PREFIX) or prod(tensor.dims) < _MIN_SIZE


def _narrow(tensor: TensorProto, kind: int) -> TensorProto:
    values = numpy_helper.to_array(tensor).astype(helper.tensor_dtype_to_np_dtype(kind))
    return numpy_helper.from_array(values, f"{tensor.name}/narrow")
