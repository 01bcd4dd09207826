"""Finds the predictions of an SSD in a graph: for each source map the convolution of boxes and the one of classes.

The Object Detection API reshapes the maps of all predictors to rows and joins them, boxes and classes each. So an SSD
is a graph with two such joints of equally many maps.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from multibox.weights.origins.tensorflow.constants import Constants
from multibox.weights.origins.tensorflow.graph import Graph, Operation

POSTPROCESS = "TFLite_Detection_PostProcess"

_PASSING = (
    "Identity",
    "Reshape",
    "Squeeze",
    "ExpandDims",
    "Transpose",
    "Sigmoid",
    "Softmax",
    "FakeQuantWithMinMaxVars",
)
_MAX_SOURCES = 32
_MAX_JOINTS = 64

MAX_WEIGHTS = 1 << 26
"""Values of one convolution; VGG16's largest fully connected layer has 2^26.6, and no SSD contains it."""

Role = Literal["boxes", "classes"]


@dataclass(frozen=True, eq=False)
class Predictor:
    """The last convolution on a way to predictions: the map that it takes, its weights (OIHW) and its bias."""

    source: str
    weights: np.ndarray
    bias: np.ndarray
    operation: Operation

    @property
    def outputs(self) -> int:
        return len(self.bias)


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictors of each source map, fine to coarse. `outputs` is the number of class values of each box."""

    boxes: tuple[Predictor, ...]
    classes: tuple[Predictor, ...]
    outputs: int

    @property
    def boxes_per_cell(self) -> tuple[int, ...]:
        return tuple(predictor.outputs // 4 for predictor in self.boxes)


def find_predictions(graph: Graph, constants: Constants) -> Predictions:
    """The predictions of the graph. Raises WeightsError if it is not a single-shot detector."""
    joints = [joint for operation in graph.each() if (joint := _joint(graph, constants, operation))][:_MAX_JOINTS]
    for one, other in _pairs(graph, joints):
        found = _matched(one.predictors, other.predictors)
        if found is not None:
            return found
    kinds = sorted({operation.kind for operation in graph.each()})
    raise graph.fail(
        "contains no SSD of the Object Detection API, which joins boxes and classes of several maps (its operations: "
        f"{', '.join(kinds)[:200]}): TensorFlow, OpenVINO or OpenCV can run it"
    )


@dataclass(frozen=True, eq=False)
class _Joint:
    """A joint of the maps of several predictors."""

    value: str
    predictors: tuple[Predictor, ...]
    role: Role | None


def _joint(graph: Graph, constants: Constants, operation: Operation) -> _Joint | None:
    """The joint that an operation is, None for other operations."""
    if operation.kind not in ("ConcatV2", "Concat") or len(operation.inputs) > _MAX_SOURCES + 1:
        return None
    values = [name for name in operation.inputs if constants(name) is None]
    found = [_predictor(graph, constants, value) for value in values]
    predictors = tuple(predictor for predictor in found if predictor is not None)
    if len(predictors) < len(found) or len(found) < 2:
        return None
    names = [operation.name, *(predictor.operation.name for predictor in predictors)]
    return _Joint(operation.outputs[0], predictors, _role(" ".join(names).lower()))


def _role(names: str) -> Role | None:
    """What the names of a joint's operations say that it joins."""
    is_box, is_class = ("box_encoding" in names or "boxencoding" in names), ("class" in names)
    if is_box == is_class:
        return None
    return "boxes" if is_box else "classes"


def _predictor(graph: Graph, constants: Constants, value: str) -> Predictor | None:
    """The convolution that a value comes from, through operations that change the shape or pass values on."""
    bias: np.ndarray | None = None
    for _ in range(20):
        operation = graph.maker(value)
        if operation is None or not operation.inputs:
            return None
        if operation.kind in ("BiasAdd", "Add", "AddV2"):
            if bias is not None or (bias := constants(operation.inputs[-1])) is None:
                return None
        elif operation.kind == "Conv2D":
            weights = convolution_weights(operation, constants)
            if weights is None:
                return None
            own = np.zeros(len(weights), np.float32) if bias is None else bias.reshape(-1)
            return Predictor(operation.inputs[0], weights, own, operation) if len(own) == len(weights) else None
        elif operation.kind not in _PASSING:
            return None
        value = operation.inputs[0]
    return None


def convolution_weights(operation: Operation, constants: Constants) -> np.ndarray | None:
    """The weights of a convolution in PyTorch's order (out, in, height, width); None if they are not constant."""
    values = constants(operation.inputs[1]) if len(operation.inputs) > 1 else None
    if values is None or values.ndim != 4 or values.size > MAX_WEIGHTS:
        return None
    values = values.astype(np.float32, copy=False)
    if operation.kind == "Conv2D":
        return values.transpose((0, 3, 1, 2) if operation.options.get("layout") == "OHWI" else (3, 2, 0, 1))
    if operation.options.get("layout") == "1HWO":
        return values.transpose(3, 0, 1, 2)
    height, width, channels, factor = values.shape
    return values.transpose(2, 3, 0, 1).reshape(channels * factor, 1, height, width)


def _pairs(graph: Graph, joints: Sequence[_Joint]) -> Iterator[tuple[_Joint, _Joint]]:
    """Joints that may be boxes and classes, the surest first: by the postprocessing, by name, by order."""
    for operation in graph.each():
        if operation.kind == POSTPROCESS and len(operation.inputs) > 1:
            given = [_source_joint(graph, value, joints) for value in operation.inputs[:2]]
            if given[0] is not None and given[1] is not None:
                yield given[0], given[1]
    for certain in (True, False):
        for one in joints:
            for other in joints:
                known = (one.role, other.role) == ("boxes", "classes")
                possible = one.role in (None, "boxes") and other.role in (None, "classes")
                if one is not other and (known if certain else possible and not known):
                    yield one, other


def _source_joint(graph: Graph, value: str, joints: Sequence[_Joint]) -> _Joint | None:
    """The joint that a value comes from."""
    for _ in range(20):
        for joint in joints:
            if joint.value == value:
                return joint
        operation = graph.maker(value)
        if operation is None or operation.kind not in _PASSING or not operation.inputs:
            return None
        value = operation.inputs[0]
    return None


def _matched(boxes: Sequence[Predictor], classes: Sequence[Predictor]) -> Predictions | None:
    """The predictions, if the first are boxes and the second equally many class values for each of them."""
    if len(boxes) != len(classes):
        return None
    outputs = set()
    for one, other in zip(boxes, classes, strict=True):
        if one.outputs % 4 or not one.outputs or other.outputs % (one.outputs // 4):
            return None
        outputs.add(other.outputs // (one.outputs // 4))
    return Predictions(tuple(boxes), tuple(classes), outputs.pop()) if len(outputs) == 1 else None
