"""Imports SSDs of the TensorFlow Object Detection API from .tflite files and frozen graphs, without TensorFlow.

The structure becomes a graph in the weight file, with TensorFlow's padding "same", the anchors as listed priors, and
the score function that the file uses, by default a sigmoid for each class. Predictors give y before x; their rows are
rearranged to x before y. A background logit is kept for training; where a file has none, one of zeros is added.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from multibox.data.classes.published import names_for
from multibox.errors import UsageError, WeightsError
from multibox.models.config import ModelConfig
from multibox.models.faults import find_fault
from multibox.models.rule_faults import find_class_fault
from multibox.models.ssd import SSD
from multibox.priors import PriorSpec
from multibox.size import Size
from multibox.weights.file import fill
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.tensorflow.anchors import api_spec, grid_spec
from multibox.weights.origins.tensorflow.constants import Constants
from multibox.weights.origins.tensorflow.graph import Graph
from multibox.weights.origins.tensorflow.image import input_size, normalization
from multibox.weights.origins.tensorflow.labels import beside
from multibox.weights.origins.tensorflow.network import write_network
from multibox.weights.origins.tensorflow.outputs import Ending, find_ending
from multibox.weights.origins.tensorflow.predictions import Predictions, find_predictions

NAME = "TensorFlow Object Detection API"


def recognizes(foreign: ForeignWeights) -> bool:
    return foreign.graph is not None


def convert(foreign: ForeignWeights, choices: ImportChoices) -> SSD:
    """The detector of a graph, with any number of classes and any base network of known operations.

    Without `choices.class_names` the names are those in the file, those of a label map beside it, or a published list.
    """
    graph = foreign.graph
    assert graph is not None
    constants = Constants(graph)
    predictions = find_predictions(graph, constants)
    size = input_size(graph, constants)
    network = write_network(graph, constants, predictions, input_size=size)
    cells = network.config.cells(size)
    boxes = sum(n.height * n.width * k for n, k in zip(cells, predictions.boxes_per_cell, strict=True))
    ending = find_ending(graph, Constants(graph, shapes=network.shapes), boxes=boxes)
    names, offset = _classes(graph, predictions, ending, choices.class_names)
    mean, std = normalization(graph, constants, network.image)
    config = ModelConfig(
        f"tensorflow{size.height}" if size.height == size.width else f"tensorflow{size.height}x{size.width}",
        network.config,
        (),
        _priors(graph, choices.priors, ending, size, cells, predictions),
        mean=mean,
        std=std,
        variances=ending.variances,
        score_function=ending.score_function,
        detection=ending.detection,
    )
    return _built(graph, config, names, tensors=network.tensors | _head_tensors(predictions, offset=offset))


def _priors(
    graph: Graph,
    chosen: str | PriorSpec | None,
    ending: Ending,
    size: Size,
    cells: Sequence[Size],
    predictions: Predictions,
) -> PriorSpec:
    """The chosen priors, else the anchors of the file, else those of the API's rules."""
    if isinstance(chosen, PriorSpec):
        return chosen
    if chosen is not None:
        raise UsageError(f"{graph.source} has other priors than {chosen!r}: choose none, or a file")
    counts = predictions.boxes_per_cell
    if ending.anchors is not None:
        found = grid_spec(ending.anchors, size, cells, boxes_per_cell=counts)
        if found is not None:
            return found
        raise graph.fail("has anchors that are no regular grid on its maps, which is not supported")
    found = api_spec(size, cells, boxes_per_cell=counts)
    if found is None:
        raise graph.fail(
            f"contains no anchors, and {', '.join(map(str, counts))} boxes for the cells of its maps are not the API's "
            "usual numbers: give its priors with --priors FILE"
        )
    return found


def _classes(
    graph: Graph, predictions: Predictions, ending: Ending, given: Sequence[str] | None
) -> tuple[tuple[str, ...], int]:
    """The class names, and the position of the first class among the outputs: 1 behind the background, or 0.

    Where the file does not say which it is, as many names as outputs mean that there is no background.
    """
    outputs = predictions.outputs
    said = ending.classes if ending.classes in (outputs, outputs - 1) else None
    if said is None and ending.offset is not None:
        said = outputs - ending.offset
    names = given
    if names is None:
        possible = (outputs, outputs - 1) if said is None else (said,)
        candidates = (graph.labels, *beside(Path(graph.source)))
        names = next((one for one in candidates if one is not None and len(one) in possible), None)
    count = said if said is not None else outputs if names is not None and len(names) == outputs else outputs - 1
    if count < 1:
        raise graph.fail(f"has {outputs} values for each box, which leaves no class beside the background")
    return names_for(count, None if names is None else list(names), source=graph.source), outputs - count


def _head_tensors(predictions: Predictions, *, offset: int) -> dict[str, np.ndarray]:
    """The values of the predictors in our order."""
    tensors: dict[str, np.ndarray] = {}
    for number, (boxes, classes) in enumerate(zip(predictions.boxes, predictions.classes, strict=True)):
        for kind, location, confidence in (
            ("weight", boxes.weights, classes.weights),
            ("bias", boxes.bias, classes.bias),
        ):
            tensors[f"heads.location.{number}.{kind}"] = _x_first(location)
            tensors[f"heads.confidence.{number}.{kind}"] = (
                _with_background(confidence, classes=predictions.outputs) if offset == 0 else confidence
            )
    return tensors


def _x_first(rows: np.ndarray) -> np.ndarray:
    """The rows of each box, which give (y, x, height, width), as (x, y, width, height)."""
    by_box = rows.reshape(-1, 4, *rows.shape[1:])
    return by_box[:, [1, 0, 3, 2]].reshape(rows.shape)


def _with_background(rows: np.ndarray, *, classes: int) -> np.ndarray:
    """The rows of each box with one of zeros before its classes."""
    by_box = rows.reshape(-1, classes, *rows.shape[1:])
    return np.concatenate([np.zeros_like(by_box[:, :1]), by_box], axis=1).reshape(-1, *rows.shape[1:])


def _built(graph: Graph, config: ModelConfig, names: tuple[str, ...], *, tensors: dict[str, np.ndarray]) -> SSD:
    fault = find_fault(config) or find_class_fault(names, priors=config.priors.count)
    if fault is not None:
        raise graph.fail(f"gives a detector that cannot work: {fault}")
    with torch.random.fork_rng(devices=[]):
        model = SSD(config, names)
    values = {name: torch.from_numpy(np.array(array)) for name, array in tensors.items()}
    if not all(torch.isfinite(value).all() for value in values.values()):
        raise WeightsError(f"{graph.source} contains values that are not finite: copy or fetch it again")
    fill(model, values, source=graph.source)
    return model.eval()
