"""Rewrites a graph with fixed shapes for readers that know few operations, such as the dnn module of OpenCV 4.6.

The result has opset 10: limits of Clip are attributes, nodes with constant inputs are computed in advance, and the
constants of arithmetic nodes have the whole shape of the other operand, so that nothing is broadcast.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from onnx import helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

OPSET = 10
_IR_VERSION = 5
_ARITHMETIC = ("Add", "Sub", "Mul", "Div")
_FROM_OPSET_14 = "allowzero"  # an attribute of Reshape

KNOWN = frozenset(
    (
        *("Add", "Cast", "Clip", "Concat", "Conv", "Div", "Exp", "GlobalAveragePool", "MaxPool", "Mul", "Relu"),
        *("Reshape", "Sigmoid", "Slice", "Softmax", "Sub", "Transpose"),
    )
)
"""Operations that mean the same in opset 10 and in the exporter's, once `to_plain` has rewritten the graph."""


def to_plain(model: "ModelProto") -> bool:
    """Rewrite the graph in place and return True; return False and leave it if it has operations not in KNOWN."""
    if not {node.op_type for node in model.graph.node} <= KNOWN | {"Constant"}:
        return False
    shapes = _shapes(model)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes = list(_rewritten(model, constants, shapes))
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:], model.opset_import[:]
    used = {name for node in nodes for name in node.input}
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(numpy_helper.from_array(constants[n], n) for n in constants if n in used)
    model.opset_import.append(helper.make_opsetid("", OPSET))
    model.ir_version = _IR_VERSION
    return True


def _shapes(model: "ModelProto") -> dict[str, tuple[int, ...]]:
    """The shape of every value in the graph."""
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    values = (*inferred.value_info, *inferred.input, *inferred.output)
    return {value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim) for value in values}


def _rewritten(
    model: "ModelProto", constants: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]]
) -> Iterator["NodeProto"]:
    """The nodes that are left; adds new values to `constants`."""
    for number, node in enumerate(model.graph.node):
        if all(name in constants for name in node.input):
            constants.update(zip(node.output, _computed(node, constants, model), strict=True))
            continue
        if node.op_type == "Clip":
            low, high = (float(constants[name]) for name in node.input[1:])
            node = helper.make_node("Clip", node.input[:1], node.output, node.name, min=low, max=high)
        elif node.op_type in _ARITHMETIC:
            for place, name in enumerate(node.input):
                shape = shapes[node.output[0]]
                broadcast = name in constants and constants[name].shape != shape and constants[name].size > 1
                if broadcast and len(shape) < 4:  # a value for each channel of a map is no problem
                    node.input[place] = f"{name}/whole/{number}"
                    constants[node.input[place]] = np.broadcast_to(constants[name], shape).copy()
        for attribute in [a for a in node.attribute if a.name == _FROM_OPSET_14]:
            node.attribute.remove(attribute)
        yield node


def _computed(node: "NodeProto", constants: dict[str, np.ndarray], model: "ModelProto") -> list[np.ndarray]:
    """The outputs of a node that has constant inputs only."""
    graph = helper.make_graph([node], "constant", [], [helper.make_empty_tensor_value_info(n) for n in node.output])
    graph.initializer.extend(numpy_helper.from_array(constants[name], name) for name in node.input)
    alone = helper.make_model(graph, opset_imports=model.opset_import)
    return list(ReferenceEvaluator(alone).run(None, {}))
