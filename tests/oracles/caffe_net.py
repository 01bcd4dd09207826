"""Small Caffe networks that OpenCV runs: the text of the layers, and weights in protobuf's wire format.

Field numbers are those of the public caffe.proto: NetParameter.layer 100; LayerParameter name 1, type 2, blobs 7;
BlobProto data 5, shape 7; BlobShape dim 1.
"""

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np

_BYTES = 2


def _varint(number: int) -> bytes:
    """Seven bits a byte, lowest first; the high bit says that more follow."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _blob(values: np.ndarray) -> bytes:
    shape = _field(1, b"".join(_varint(side) for side in values.shape))
    return _field(7, shape) + _field(5, values.astype("<f4").tobytes())


def caffemodel(blobs: Mapping[str, tuple[str, Sequence[np.ndarray]]]) -> bytes:
    """A binary NetParameter with the blobs of each layer, given as name: (type, arrays)."""
    layers = (
        _field(1, name.encode()) + _field(2, kind.encode()) + b"".join(_field(7, _blob(a)) for a in arrays)
        for name, (kind, arrays) in blobs.items()
    )
    return b"".join(_field(100, layer) for layer in layers)


def layer(kind: str, top: str, bottoms: Iterable[str], parameters: str = "") -> str:
    """Text of one layer, named like its output."""
    inputs = " ".join(f'bottom: "{name}"' for name in bottoms)
    return f'layer {{ name: "{top}" type: "{kind}" {inputs} top: "{top}" {parameters} }}\n'


def run(
    layers: Sequence[str],
    inputs: Mapping[str, np.ndarray],
    *,
    output: str,
    blobs: Mapping[str, tuple[str, Sequence[np.ndarray]]] | None = None,
) -> np.ndarray:
    """The result of OpenCV's network of these layers at `output`."""
    shapes = (
        f'input: "{name}" input_shape {{ {" ".join(f"dim: {side}" for side in array.shape)} }}\n'
        for name, array in inputs.items()
    )
    text = 'name: "oracle"\n' + "".join(shapes) + "".join(layers)
    buffers = [np.frombuffer(text.encode(), dtype=np.uint8)]
    if blobs:
        buffers.append(np.frombuffer(caffemodel(blobs), dtype=np.uint8))
    net = cv2.dnn.readNetFromCaffe(*buffers)
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    for name, array in inputs.items():
        net.setInput(np.ascontiguousarray(array, dtype=np.float32), name)
    return net.forward(output)
