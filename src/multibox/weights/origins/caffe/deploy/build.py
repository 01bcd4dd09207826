"""From the layers of a .prototxt file and the arrays of a .caffemodel file to nodes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from multibox.errors import WeightsError
from multibox.size import Size
from multibox.weights.origins.caffe.deploy import learned, plain, shaping
from multibox.weights.origins.caffe.deploy.nodes import Made, Node
from multibox.weights.origins.caffe.deploy.output import Output, detection_output
from multibox.weights.origins.caffe.deploy.priors import prior_box
from multibox.weights.origins.caffe.deploy.read import Deploy, DeployLayer

Converter = Callable[[Made], Node | list[Node]]

CONVERTERS: Mapping[str, Converter] = {
    **dict.fromkeys(("Convolution", "Deconvolution", *learned.DEPTHWISE), learned.convolution),
    "InnerProduct": learned.inner_product,
    "BatchNorm": learned.batch_norm,
    "Scale": learned.scale,
    "Bias": learned.bias,
    "Normalize": learned.normalize,
    "PReLU": learned.prelu,
    "ReLU": plain.relu,
    "ReLU6": plain.relu6,
    "ELU": plain.elu,
    "Sigmoid": plain.sigmoid,
    "TanH": plain.tanh,
    "Power": plain.power,
    "Softmax": plain.softmax,
    "Dropout": plain.dropout,
    "Pooling": plain.pooling,
    "LRN": plain.lrn,
    "Eltwise": plain.eltwise,
    "Concat": plain.concat,
    "Split": shaping.split,
    "Slice": shaping.slice_,
    "Crop": shaping.crop,
    "Permute": shaping.permute,
    "Flatten": shaping.flatten,
    "Reshape": shaping.reshape,
    "PriorBox": prior_box,
}
"""The types of layers that multibox builds. To add one, write its converter and add it here."""

_OUTPUT = "DetectionOutput"

_TRAINING = "is for training: give the .prototxt file for detection, often called deploy.prototxt"
_YOLO = "belongs to a YOLO, which is no SSD: OpenCV 4 runs it"
_TWO_STAGES = "belongs to a Faster R-CNN or R-FCN, which is no SSD: Caffe or OpenCV 4 runs it"
_STRANGE = {
    **dict.fromkeys(("MultiBoxLoss", "SoftmaxWithLoss", "SmoothL1Loss", "EuclideanLoss", "Accuracy"), _TRAINING),
    "DetectionEvaluate": _TRAINING,
    **dict.fromkeys(("Proposal", "ROIPooling", "PSROIPooling", "BoxOutput", "DecodeBBox"), _TWO_STAGES),
    **dict.fromkeys(
        ("Region", "Yolo", "Yolov3DetectionOutput"), "belongs to a YOLO, which is no SSD: OpenCV 4 runs it"
    ),
}
"""What other layers say about their network."""


@dataclass(frozen=True, eq=False)
class Network:
    """The image, all nodes in order, those at the end, and DetectionOutput if there is one."""

    image: Node
    nodes: list[Node]
    ends: list[Node]
    output: Output | None


def build_nodes(deploy: Deploy, arrays: Mapping[str, Sequence[np.ndarray]]) -> Network:
    """All layers as nodes. Raises WeightsError that names the layer for one that is not known or does not fit."""
    image = Node("image", "Input", None, [], deploy.shape)
    blobs, nodes, output = {deploy.input: image}, [image], None
    for layer in deploy.layers:
        inputs = [_blob(blobs, name, layer) for name in layer.bottoms]
        if layer.type == _OUTPUT:
            output = detection_output(layer, inputs)
            continue
        found = _converted(layer, inputs, arrays.get(layer.name, ()), nodes, Size(*deploy.shape[1:]))
        blobs.update(zip(layer.tops, found, strict=False))
    taken = {source for node in nodes for source in node.inputs}
    ends = [node for node in dict.fromkeys(blobs.values()) if node not in taken and node is not image]
    return Network(image, nodes, ends, output)


def _converted(
    layer: DeployLayer, inputs: list[Node], arrays: Sequence[np.ndarray], nodes: list[Node], input_size: Size
) -> list[Node]:
    """The nodes of the layer's outputs."""
    convert = CONVERTERS.get(layer.type)
    if layer.type in _STRANGE:
        raise layer.error(_STRANGE[layer.type])
    if convert is None:
        raise layer.error(f"is of a type that multibox cannot build: it builds {', '.join((*CONVERTERS, _OUTPUT))}")
    if not inputs or not layer.tops:
        raise layer.error("has no input or no output: is the .prototxt file complete?")
    found = convert(Made(layer, inputs, arrays, nodes, input_size))
    if isinstance(found, list):
        return found
    if len(layer.tops) > 1:
        raise layer.error(f"has {len(layer.tops)} outputs, and multibox knows it with one")
    return [found]


def _blob(blobs: Mapping[str, Node], name: str, layer: DeployLayer) -> Node:
    if name not in blobs:
        raise WeightsError(f"{layer.where} takes {name[:100]!r}, which no layer before it makes: is the file complete?")
    return blobs[name]
