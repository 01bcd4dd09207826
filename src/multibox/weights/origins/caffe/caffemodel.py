"""Reads a .caffemodel: layer names, arrays and the settings of prior boxes, without Caffe or a protobuf library.

A .caffemodel is a NetParameter in protobuf's wire format. Field numbers are facts of the public caffe.proto (and of
the authors' branch for prior boxes): NetParameter layers 2 (old), layer 100; V1LayerParameter name 4, blobs 6;
LayerParameter name 1, blobs 7, prior_box_param 203; BlobProto num 1, channels 2, height 3, width 4, data 5, shape 7,
double_data 8, in NVIDIA's and OpenCV's branches raw_data_type 10 and raw_data 12; BlobShape dim 1; PriorBoxParameter
min_size 1, max_size 2, aspect_ratio 3, clip 5, variance 6, step 10.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from multibox.errors import WeightsError
from multibox.weights.origins.protobuf import Value, as_bytes, integers, message_fields

_RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2"}
"""Number types of raw arrays, by their number in the enumeration; OpenCV's `shrinkCaffeModel` writes 16 bits."""


@dataclass(frozen=True)
class CaffePriors:
    """The settings of one PriorBox layer, in pixels of the network input; `step` is 0 if the file has none."""

    min_sizes: tuple[float, ...]
    max_sizes: tuple[float, ...]
    ratios: tuple[float, ...]
    variances: tuple[float, ...]
    step: float
    clip: bool


@dataclass(frozen=True, eq=False)
class CaffeLayer:
    """One layer: its name, its arrays in Caffe's order (weights, bias), and the settings of a PriorBox."""

    name: str
    blobs: tuple[np.ndarray, ...]
    priors: CaffePriors | None


def read_caffemodel(path: Path | str) -> list[CaffeLayer]:
    """All layers of a .caffemodel, in the file's order, from the old or the new list of layers.

    Arrays share the memory of the file's bytes. Raises WeightsError if the file is not a complete .caffemodel.
    """
    try:
        content = memoryview(Path(path).read_bytes())
        layers = [_layer(value, old=number == 2) for number, value in message_fields(content) if number in (2, 100)]
    except OSError as problem:
        raise WeightsError(f"cannot read {path} ({problem.strerror}): give the path of a .caffemodel file") from None
    except (ValueError, LookupError, OverflowError):
        layers = []
    if not any(layer.blobs for layer in layers):
        raise WeightsError(f"{path} is not a complete .caffemodel file: copy or fetch it again")
    return layers


def _layer(message: Value, *, old: bool) -> CaffeLayer:
    name_field, blobs_field = (4, 6) if old else (1, 7)
    name, blobs, priors = "", [], None
    for number, value in message_fields(as_bytes(message)):
        if number == name_field:
            name = str(as_bytes(value), "utf-8")
        elif number == blobs_field:
            blobs.append(_blob(as_bytes(value)))
        elif number == 203 and not old:
            priors = _priors(as_bytes(value))
    return CaffeLayer(name, tuple(blobs), priors)


def _blob(message: memoryview) -> np.ndarray:
    legacy = [0, 0, 0, 0]
    shape: list[int] | None = None
    parts: list[np.ndarray] = []
    raw_type = "<f4"
    for number, value in message_fields(message):
        if number in (1, 2, 3, 4) and isinstance(value, int):
            legacy[number - 1] = value
        elif number in (5, 8):
            parts.append(np.frombuffer(as_bytes(value), dtype="<f4" if number == 5 else "<f8"))
        elif number == 10:
            raw_type = _RAW_TYPES[integers(value)[0]]
        elif number == 12:
            parts.append(np.frombuffer(as_bytes(value), dtype=raw_type))
        elif number == 7:
            shape = [side for _, sides in message_fields(as_bytes(value)) for side in integers(sides)]
    values = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])
    sides = legacy if shape is None else shape
    if prod(sides) != len(values):
        raise ValueError("an array whose shape does not fit its values")
    return values.astype(np.float32, copy=False).reshape(sides)


def _priors(message: memoryview) -> CaffePriors:
    floats: dict[int, list[float]] = {1: [], 2: [], 3: [], 6: [], 10: []}
    clip = False
    for number, value in message_fields(message):
        if number in floats:
            floats[number] += np.frombuffer(as_bytes(value), dtype="<f4").tolist()
        elif number == 5:
            clip = bool(value)
    step = floats[10][-1] if floats[10] else 0.0
    return CaffePriors(tuple(floats[1]), tuple(floats[2]), tuple(floats[3]), tuple(floats[6]), step, clip)
