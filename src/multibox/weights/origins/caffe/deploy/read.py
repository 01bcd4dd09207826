"""Reads a deploy .prototxt: the input and the layers of a Caffe network for detection.

Names are facts of the public caffe.proto: `layer` with a type in quotes, and `layers`, the older message, whose type
is a word of an enumeration.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multibox.errors import WeightsError
from multibox.weights.origins.caffe.deploy.options import Options
from multibox.weights.origins.caffe.deploy.text import Message, read_text_format

MAX_LAYERS = 20_000

_OLD_TYPES = {
    **{"ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat"},
    **{"CONVOLUTION": "Convolution", "DATA": "Data", "DECONVOLUTION": "Deconvolution", "DROPOUT": "Dropout"},
    **{"DUMMY_DATA": "DummyData", "ELTWISE": "Eltwise", "EXP": "Exp", "FLATTEN": "Flatten", "IMAGE_DATA": "ImageData"},
    **{"INNER_PRODUCT": "InnerProduct", "LRN": "LRN", "MEMORY_DATA": "MemoryData", "MVN": "MVN", "POOLING": "Pooling"},
    **{"POWER": "Power", "RELU": "ReLU", "SIGMOID": "Sigmoid", "SILENCE": "Silence", "SLICE": "Slice"},
    **{"SOFTMAX": "Softmax", "SPLIT": "Split", "TANH": "TanH", "THRESHOLD": "Threshold"},
}
_DATA_TYPES = ("Input", "Data", "AnnotatedData", "ImageData", "MemoryData", "DummyData")


@dataclass(frozen=True, eq=False)
class DeployLayer:
    """One layer: its name and type, the names of its inputs and outputs, and its message."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Message
    source: str

    @property
    def where(self) -> str:
        """The layer in messages."""
        return f"{self.source}: layer {self.name[:100]!r} ({self.type[:60]})"

    def options(self, name: str) -> Options:
        """The options in one of its parameter messages, `convolution_param` for example."""
        return Options(self.message.messages(name), where=self.where)

    def error(self, fault: str) -> WeightsError:
        return WeightsError(f"{self.where} {fault}")


@dataclass(frozen=True, eq=False)
class Deploy:
    """A network: its name, which can be empty, the name and the sides (channels, height, width) of its input blob.

    `layers` are the other layers, `transform` the options of `transform_param` of the input layer.
    """

    name: str
    source: str
    input: str
    shape: tuple[int, int, int]
    layers: tuple[DeployLayer, ...]
    transform: Options


def read_deploy(path: Path) -> Deploy:
    """The network of a .prototxt file. Raises WeightsError if it has no layers or not one image as its input."""
    message = read_text_format(path)
    layers = list(_layers(message, str(path)))
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise WeightsError(f"{path} has {len(layers)} layers: give the .prototxt file with the layers of the model")
    data = [layer for layer in layers if layer.type in _DATA_TYPES and not layer.bottoms]
    inputs = [*_inputs(message), *(_input_of(layer) for layer in data)]
    if len(inputs) != 1 or len(inputs[0][1]) != 4 or inputs[0][1][1] != 3:
        found = ", ".join(f"{name} of {' x '.join(map(str, sides))}" for name, sides in inputs[:5]) or "none"
        raise WeightsError(
            f"{path} has the inputs {found}, and multibox needs one image of 1 x 3 x height x width: give the "
            ".prototxt file for detection, often called deploy.prototxt"
        )
    name, (_, channels, height, width) = inputs[0]
    transforms = [part for layer in data for part in layer.message.messages("transform_param")]
    rest = tuple(layer for layer in layers if layer not in data)
    where = data[0].where if data else f"{path}"
    return Deploy(
        message.text("name"), str(path), name, (channels, height, width), rest, Options(transforms, where=where)
    )


def _layers(message: Message, source: str) -> Iterator[DeployLayer]:
    """The layers of the phase TEST, in order; a file has either old or new ones."""
    for old in (True, False):
        for entry in message.messages("layers" if old else "layer"):
            kind = entry.text("type")
            if old and (not kind or entry.messages("layer")):
                raise WeightsError(
                    f"{source} is of the oldest version of Caffe's format, from 2013: convert it with Caffe's "
                    "upgrade_net_proto_text"
                )
            if old:
                kind = _OLD_TYPES.get(kind, kind)
            name = entry.text("name") or kind
            if _runs(entry):
                bottoms, tops = entry.texts("bottom"), entry.texts("top")
                yield DeployLayer(name, kind, tuple(bottoms), tuple(tops), entry, source)


def _runs(entry: Message) -> bool:
    """Whether the layer runs in the phase TEST."""
    included = [rule.text("phase") for rule in entry.messages("include")]
    excluded = [rule.text("phase") for rule in entry.messages("exclude")]
    if included:
        return any(phase in ("", "TEST", "1") for phase in included)
    return not any(phase in ("TEST", "1") for phase in excluded)


def _inputs(message: Message) -> Iterator[tuple[str, list[int]]]:
    """The inputs that are fields of the network."""
    names, shapes = message.texts("input"), message.messages("input_shape")
    dims = Options([message], where="input_dim").wholes("input_dim")
    for number, name in enumerate(names):
        if number < len(shapes):
            yield name, Options([shapes[number]], where="input_shape").wholes("dim")
        else:
            yield name, dims[4 * number : 4 * number + 4]


def _input_of(layer: DeployLayer) -> tuple[str, list[int]]:
    """The first output of a layer that gives data, and its shape, from the message that states it."""
    top = layer.tops[0] if layer.tops else layer.name
    for name in ("input_param", "dummy_data_param"):
        for message in layer.message.messages(name):
            for shape in message.messages("shape")[:1]:
                return top, Options([shape], where=layer.where).wholes("dim")
    memory = layer.options("memory_data_param")
    if memory.has("height"):
        return top, [1, memory.whole("channels", 3), memory.whole("height", 0), memory.whole("width", 0)]
    transform = layer.options("transform_param")
    resize = transform.inner("resize_param")
    side = transform.whole("crop_size", 0)
    return top, [1, 3, resize.whole("height", side), resize.whole("width", side)]
