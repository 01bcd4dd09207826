"""Tells the format of a weight file from its suffix, or else from its first bytes."""

import struct
from pathlib import Path
from typing import Literal

from multibox.errors import WeightsError

Kind = Literal["safetensors", "caffemodel", "pth"]

_BY_SUFFIX: dict[str, Kind] = {".safetensors": "safetensors", ".caffemodel": "caffemodel"}
_PICKLES = (".pth", ".pt", ".bin", ".pkl", ".tar", ".ckpt")
_OTHER_PROGRAMS = {
    ".onnx": "an ONNX model",
    ".tflite": "a TFLite model",
    ".pb": "a TensorFlow graph",
    ".h5": "a Keras file",
    ".keras": "a Keras file",
    ".weights": "a Darknet file",
    ".xml": "an OpenVINO model",
    ".engine": "a TensorRT engine",
    ".prototxt": "the structure of a Caffe model without its weights",
}


def kind_of_file(path: Path) -> Kind:
    """The format of a weight file. Raises WeightsError that says what the file is if it is none of these."""
    suffix = path.suffix.lower()
    with open(path, "rb") as file:
        start = file.read(16)
    other = "a TFLite model" if start[4:8] == b"TFL3" else "a Keras file" if start[:4] == b"\x89HDF" else None
    other = other or _OTHER_PROGRAMS.get(suffix)
    if other is not None:
        raise WeightsError(f"{path} is {other}, which holds no weights to import: {_ADVICE}")
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if is_safetensors(start, size=path.stat().st_size):
        return "safetensors"
    if start[:4] == b"PK\x03\x04" or start[:1] == b"\x80" or suffix in _PICKLES:
        return "pth"
    raise WeightsError(f"{path} is not a weight file of a known format: {_ADVICE}")


def is_safetensors(start: bytes, *, size: int) -> bool:
    """Whether a file of `size` bytes begins as a safetensors file does: the length of its header, then JSON."""
    return len(start) > 8 and start[8:9] == b"{" and 2 <= struct.unpack("<Q", start[:8])[0] <= size - 8


_ADVICE = "give a .safetensors, .caffemodel or .pth file of an SSD, for example the checkpoint that it was made from"
