"""Crops the kernels of convolutions to what they can see of a map of one row or one column.

A 3 x 3 kernel with padding 1 sees one pixel of a map of one cell; its other weights only meet padding. Without them the
graph computes the same with less. OpenCV 4.14 reads beyond such a map in its depthwise convolution of 3 x 3.
"""

from typing import TYPE_CHECKING

import numpy as np
from onnx import helper, numpy_helper, shape_inference

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


def crop_kernels(model: "ModelProto") -> None:
    """Crop the kernels of a graph with fixed shapes in place; convolutions whose weights are computed stay."""
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    values = (*inferred.value_info, *inferred.input, *inferred.output)
    sides = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim][2:] for v in values}
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for number, node in enumerate(model.graph.node):
        known = node.op_type == "Conv" and node.input[1] in weights
        if known and len(sides.get(node.input[0], ())) == len(sides.get(node.output[0], ())) == 2:
            kernel = numpy_helper.to_array(weights[node.input[1]])
            cropped = _cropped(node, kernel, seen=sides[node.input[0]], made=sides[node.output[0]])
            if cropped.shape != kernel.shape:
                node.input[1] = f"{node.input[1]}/seen/{number}"
                model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(cropped), node.input[1]))
    used = {name for node in model.graph.node for name in node.input}
    for name in weights.keys() - used:
        model.graph.initializer.remove(weights[name])


def _cropped(node: "NodeProto", kernel: np.ndarray, *, seen: list[int], made: list[int]) -> np.ndarray:
    """The kernel (O, I, H, W) without what meets padding alone; the node's attributes follow it."""
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    shape = list(given.get("kernel_shape", kernel.shape[2:]))
    pads, dilations = list(given.get("pads", [0] * 4)), list(given.get("dilations", [1, 1]))
    strides = list(given.get("strides", [1, 1]))
    for axis in (0, 1):
        place, rest = divmod(pads[axis], dilations[axis])
        if seen[axis] == made[axis] == 1 < shape[axis] and rest == 0 and place < shape[axis]:
            kernel = np.take(kernel, [place], axis=2 + axis)
            shape[axis] = strides[axis] = dilations[axis] = 1
            pads[axis] = pads[axis + 2] = 0
    wanted = {"kernel_shape": shape, "pads": pads, "dilations": dilations, "strides": strides}
    kept = [attribute for attribute in node.attribute if attribute.name not in wanted]
    del node.attribute[:]
    node.attribute.extend([*kept, *(helper.make_attribute(name, value) for name, value in wanted.items())])
    return kernel
