"""What a runtime needs to know of a TFLite detector that ends with TFLite_Detection_PostProcess, without importing it.

The file selects its own detections, so nothing of its network has to be understood.
"""

from dataclasses import dataclass
from pathlib import Path

from multibox.data.classes.published import names_for
from multibox.models.rule_faults import MAX_CLASSES, MAX_SIDE
from multibox.output_rules import DetectionSettings
from multibox.size import Size
from multibox.weights.origins.tensorflow.constants import Constants
from multibox.weights.origins.tensorflow.graph import Graph, Operation
from multibox.weights.origins.tensorflow.image import CONVOLUTIONS, Three, input_normalization, input_size
from multibox.weights.origins.tensorflow.labels import beside
from multibox.weights.origins.tensorflow.outputs import find_ending
from multibox.weights.origins.tensorflow.predictions import POSTPROCESS
from multibox.weights.origins.tensorflow.tflite import read_tflite

_MAX_DETECTIONS = 10_000
_MAX_ROWS = 100_000
_OUTPUTS = 4


@dataclass(frozen=True)
class Postprocessed:
    """Input and outputs of such a file.

    A floating-point input takes (pixel - mean) / std. `outputs` are the positions of boxes, classes, scores and their
    number among the outputs of the graph. `detection` are the settings of its postprocessing.
    """

    input_size: Size
    mean: Three
    std: Three
    class_names: tuple[str, ...]
    outputs: tuple[int, int, int, int]
    detection: DetectionSettings


def read_postprocessed(path: Path) -> Postprocessed:
    """Read a .tflite file. Raises WeightsError if it is damaged or does not end with the postprocessing."""
    graph = read_tflite(path)
    operation = next((operation for operation in graph.each() if operation.kind == POSTPROCESS), None)
    if operation is None:
        raise graph.fail(f"does not end with {POSTPROCESS}: import it as weights, with another engine")
    constants = Constants(graph)
    _check_anchors(graph, constants, operation)
    size = input_size(graph, constants)
    if max(size) > MAX_SIDE:
        raise graph.fail(f"has an input of {size.height} x {size.width}, sides can have up to {MAX_SIDE}")
    mean, std = input_normalization(graph, constants, _image(graph))
    return Postprocessed(size, mean, std, _class_names(graph, operation), _outputs(graph, operation), _settings(graph))


def _image(graph: Graph) -> str:
    """The value that the first convolution takes."""
    found = next((operation for operation in graph.each() if operation.kind in CONVOLUTIONS), None)
    if found is None or not found.inputs:
        raise graph.fail("has no convolution: give a detector")
    return found.inputs[0]


def _check_anchors(graph: Graph, constants: Constants, operation: Operation) -> None:
    """Raise WeightsError for anchors that the runtime would read as other numbers, or from nowhere."""
    anchors = constants(operation.inputs[2]) if len(operation.inputs) > 2 else None
    if anchors is None or anchors.dtype.kind != "f" or anchors.ndim != 2 or anchors.shape[1] != 4:
        raise graph.fail(f"gives its {POSTPROCESS} no anchors (n, 4): copy or convert it again")


def _class_names(graph: Graph, operation: Operation) -> tuple[str, ...]:
    """Names in the file or beside it, if there is one for each class; else a published list of that length."""
    count = int(operation.options.get("num_classes", 0))
    if not 1 <= count <= MAX_CLASSES:
        raise graph.fail(f"says that it has {count} classes, 1 to {MAX_CLASSES} are allowed")
    candidates = (graph.labels, *beside(Path(graph.source)))
    names = next((one for one in candidates if one is not None and len(one) == count), None)
    return names_for(count, names, source=graph.source)


def _outputs(graph: Graph, operation: Operation) -> tuple[int, int, int, int]:
    names = operation.outputs[:_OUTPUTS]
    if len(names) < _OUTPUTS or not set(names) <= set(graph.outputs):
        raise graph.fail(f"does not give the four results of its {POSTPROCESS}: import it as weights")
    boxes, classes, scores, count = (graph.outputs.index(name) for name in names)
    return boxes, classes, scores, count


def _settings(graph: Graph) -> DetectionSettings:
    """The settings of the postprocessing, whose limits protect the memory of the runtime."""
    options = next(operation.options for operation in graph.each() if operation.kind == POSTPROCESS)
    rows = options.get("max_detections", 0) * options.get("max_classes_per_detection", 0)
    if list(options) != sorted(options):  # the runtime finds names by bisection, and takes 0 for a name that it misses
        raise graph.fail("has settings that are not sorted by name: copy it again")
    if not 1 <= rows <= _MAX_DETECTIONS or not 0 <= options.get("detections_per_class", 0) <= _MAX_ROWS:
        raise graph.fail(f"asks for {rows} detections, 1 to {_MAX_DETECTIONS} are allowed")
    return find_ending(graph, Constants(graph), boxes=0).detection
