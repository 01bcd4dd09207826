"""The input of a graph: its size, and the arithmetic between the pixels and the first convolution."""

import numpy as np
from jaxtyping import Float64

from multibox.size import Size
from multibox.weights.origins.tensorflow.constants import Constants
from multibox.weights.origins.tensorflow.graph import Graph, Operation

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")

Three = tuple[float, float, float]

_USUAL = 127.5  # the API's MobileNets take values from -1 to 1
_PASSING = ("Identity", "Cast", "ExpandDims", "Reshape", "FakeQuantWithMinMaxVars", "Pad")
_SIZED = ("ResizeBilinear", "ResizeNearestNeighbor")
_MAX_STEPS = 100


def behind_convolutions(graph: Graph) -> set[str]:
    """The values that depend on a convolution."""
    users: dict[str, list[Operation]] = {}
    for operation in graph.each():
        for value in operation.inputs:
            users.setdefault(value, []).append(operation)
    waiting = [operation for operation in graph.each() if operation.kind in CONVOLUTIONS]
    found: set[str] = set()
    while waiting:
        for value in waiting.pop().outputs:
            if value not in found:
                found.add(value)
                waiting += users.get(value, [])
    return found


def input_size(graph: Graph, constants: Constants) -> Size:
    """Height and width of the network's input: of the graph's input, or of the graph's own resizing.

    Raises WeightsError if the graph fixes neither.
    """
    for shape in graph.inputs.values():
        sides = shape[1:3]
        if len(shape) == 4 and shape[3] == 3 and all(side is not None and side > 1 for side in sides):
            return Size(*(side or 0 for side in sides))
    for operation in graph.each():
        size = constants(operation.inputs[1]) if operation.kind in _SIZED and len(operation.inputs) > 1 else None
        if size is not None and size.size == 2 and "Preprocessor" in operation.name:
            return Size(*(int(side) for side in size.ravel()))
    raise graph.fail("has no fixed input size: export it again with a fixed size, for example 300 x 300")


def normalization(graph: Graph, constants: Constants, image: str) -> tuple[Three, Three]:
    """Mean and deviation, in units of 0 … 255: the network takes (pixel - mean) / deviation at the value `image`.

    They are those of the operations before it, of the quantized input, or of the metadata, in this order; else the
    network takes values from -1 to 1, as the API's MobileNets do.
    """
    own = _own_normalization(graph, constants, image)
    return _declared(graph) if own is None else own


def input_normalization(graph: Graph, constants: Constants, image: str) -> tuple[Three, Three]:
    """Mean and deviation that a program has to apply to pixels before the graph takes them as numbers."""
    if _own_normalization(graph, constants, image) is None:
        return _declared(graph)
    return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def _own_normalization(graph: Graph, constants: Constants, image: str) -> tuple[Three, Three] | None:
    """What the graph itself applies to its input, None if that is nothing."""
    factor, summand = _arithmetic(graph, constants, image)
    if not factor.all() or ((factor == 1).all() and (summand == 0).all()):
        return None
    return _three(-summand / factor), _three(1 / factor)


def _three(values: Float64[np.ndarray, "3"]) -> Three:
    """Python's numbers; the file has them as float32, so that rounding restores 127.5."""
    red, green, blue = (round(float(value), 4) for value in values)
    return red, green, blue


def _declared(graph: Graph) -> tuple[Three, Three]:
    mean, deviation = graph.normalization or (_USUAL, _USUAL)
    if graph.quantized is not None:
        mean, deviation = float(graph.quantized.zero), 1 / graph.quantized.scale
    return (mean, mean, mean), (deviation, deviation, deviation)


def _arithmetic(graph: Graph, constants: Constants, value: str) -> tuple[Float64[np.ndarray, "3"], ...]:
    """Factor and summand of each channel that the operations before a value apply to the pixels."""
    factor, summand = np.ones(3), np.zeros(3)
    for _ in range(_MAX_STEPS):
        operation = graph.maker(value)
        if operation is None or not operation.inputs:
            break
        if operation.kind in _PASSING:
            value = operation.inputs[0]
            continue
        step = _step(operation, constants)
        if step is None:
            break
        value, times, plus = step
        summand, factor = summand + factor * plus, factor * times
    return factor, summand


def _step(operation: Operation, constants: Constants) -> tuple[str, np.ndarray, np.ndarray] | None:
    """The other input, factor and summand of an operation with a constant; None for all other operations."""
    if operation.kind not in ("Mul", "RealDiv", "Div", "Sub", "Add", "AddV2") or len(operation.inputs) != 2:
        return None
    known = [constants(name) for name in operation.inputs]
    if (known[0] is None) == (known[1] is None):
        return None
    at = 0 if known[0] is not None else 1
    constant = known[at]
    assert constant is not None
    if constant.size not in (1, 3) or (at == 0 and operation.kind in ("Sub", "RealDiv", "Div")):
        return None
    numbers = np.broadcast_to(constant.astype(np.float64).ravel(), 3)
    other, one, none = operation.inputs[1 - at], np.ones(3), np.zeros(3)
    if operation.kind == "Mul":
        return other, numbers, none
    if operation.kind in ("RealDiv", "Div"):
        return other, 1 / numbers, none
    return other, one, -numbers if operation.kind == "Sub" else numbers
