"""What a graph does with its predictions: the score function, the coder's scales, thresholds, and its anchors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multibox.output_rules import DetectionSettings, ScoreFunction
from multibox.weights.origins.tensorflow.anchors import from_corners
from multibox.weights.origins.tensorflow.constants import Constants
from multibox.weights.origins.tensorflow.graph import Graph, Operation
from multibox.weights.origins.tensorflow.predictions import POSTPROCESS

Variances = tuple[float, float, float, float]

API_VARIANCES: Variances = (0.1, 0.1, 0.2, 0.2)
"""1 / (10, 10, 5, 5), the scales of the API's coder."""

_SETTINGS = DetectionSettings(nms_threshold=0.6, per_class=100, per_image=100)
_SUPPRESSIONS = ("NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3", "NonMaxSuppressionV5")
_MAX_DETECTIONS = 10_000


@dataclass(frozen=True, eq=False)
class Ending:
    """The end of a detector behind its raw outputs.

    `classes` is the number of classes that the file names, and `offset` how many values it drops before the first class
    of each box, both None if it does not say so. `anchors` are (y, x, height, width) relative to the input, None if the
    file does not contain them.
    """

    score_function: ScoreFunction
    variances: Variances
    detection: DetectionSettings
    anchors: np.ndarray | None
    classes: int | None = None
    offset: int | None = None


def find_ending(graph: Graph, constants: Constants, *, boxes: int) -> Ending:
    """What the operations after the predictions say; what they leave open is as usual in the API."""
    function = _score_function(graph)
    operation = next((operation for operation in graph.each() if operation.kind == POSTPROCESS), None)
    if operation is None:
        threshold = _suppression_threshold(graph, constants)
        settings = _settings({"nms_iou_threshold": threshold} if threshold is not None else {})
        anchors, offset = _anchors(graph, constants, boxes), _dropped_values(graph, constants)
        return Ending(function, _decoder_variances(graph, constants), settings, anchors, offset=offset)
    options = operation.options
    scales = [options.get(f"{name}_scale", usual) for name, usual in (("x", 10), ("y", 10), ("w", 5), ("h", 5))]
    given = constants(operation.inputs[2]) if len(operation.inputs) > 2 else None
    fits = given is not None and given.shape == (boxes, 4)
    classes = int(options.get("num_classes", 0))
    return Ending(function, _inverse(scales), _settings(options), given if fits else None, classes or None)


def _score_function(graph: Graph) -> ScoreFunction:
    """Softmax if the graph has one, else the API's sigmoid, also for files that end before it."""
    return "softmax" if any(operation.kind == "Softmax" for operation in graph.each()) else "sigmoid"


def _inverse(scales: list[Any]) -> Variances:
    numbers = [float(scale) if 1e-3 <= float(scale) <= 1e4 else 1.0 for scale in scales]
    return (1 / numbers[0], 1 / numbers[1], 1 / numbers[2], 1 / numbers[3])


def _settings(options: Mapping[str, Any]) -> DetectionSettings:
    """The thresholds, within what they can be. The API's lowest score, 1e-8, is replaced by the usual 0.01."""
    score = float(options.get("nms_score_threshold", 0))
    overlap = round(float(options.get("nms_iou_threshold", _SETTINGS.nms_threshold)), 6)
    count = min(max(int(options.get("max_detections", 0)), _SETTINGS.per_image), _MAX_DETECTIONS)
    return DetectionSettings(
        score_threshold=score if _SETTINGS.score_threshold < score < 1 else _SETTINGS.score_threshold,
        nms_threshold=overlap if 0 < overlap <= 1 else _SETTINGS.nms_threshold,
        per_class=_SETTINGS.per_class,
        per_image=count,
    )


def _suppression_threshold(graph: Graph, constants: Constants) -> float | None:
    """The largest IoU of two detections in a frozen graph's suppression."""
    for operation in graph.each():
        value = (
            constants(operation.inputs[3]) if operation.kind in _SUPPRESSIONS and len(operation.inputs) > 3 else None
        )
        if value is not None and value.size == 1:
            return round(float(value.ravel()[0]), 6)
    return None


def _dropped_values(graph: Graph, constants: Constants) -> int | None:
    """How many scores of each box a frozen graph drops before it suppresses: 1 if the first one is the background."""
    for operation in graph.each():
        if operation.kind == "Slice" and operation.name.endswith("Postprocessor/Slice") and len(operation.inputs) > 1:
            begin = constants(operation.inputs[1])
            if begin is not None and begin.shape == (3,) and begin[2] in (0, 1):
                return int(begin[2])
    return None


def _decoder_variances(graph: Graph, constants: Constants) -> Variances:
    """From the four divisions of the decoder in a frozen graph, which are those of y, x, height and width."""
    divisions = [operation for operation in graph.each() if _is_division(operation)]
    divisions.sort(key=lambda operation: int(re.sub(r"\D", "", operation.name.rpartition("/")[2]) or 0))
    given = [constants(operation.inputs[1]) for operation in divisions]
    scales = [float(value.ravel()[0]) for value in given if value is not None and value.size == 1]
    if len(scales) != 4:
        return API_VARIANCES
    return _inverse([scales[1], scales[0], scales[3], scales[2]])


def _is_division(operation: Operation) -> bool:
    parent, _, own = operation.name.rpartition("/")
    return operation.kind == "RealDiv" and parent.endswith("Postprocessor/Decode") and own.startswith("truediv")


def _anchors(graph: Graph, constants: Constants, boxes: int) -> np.ndarray | None:
    """The anchors that a frozen graph computes from constants, two corners each."""
    for operation in graph.each():
        if operation.kind in ("ConcatV2", "Concat", "Identity", "Const", "Pack"):
            value = constants(operation.outputs[0])
            if value is not None and value.shape == (boxes, 4) and value.dtype.kind == "f":
                return from_corners(value)
    for value in graph.constants.values():
        if value.shape == (boxes, 4) and value.dtype.kind == "f":
            return from_corners(value)
    return None
