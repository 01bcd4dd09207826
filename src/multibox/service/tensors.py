"""Tensors of the open inference protocol: JSON lists, and the binary form that Triton's clients use."""

import base64
import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multibox.errors import DataError
from multibox.service.problem import Problem
from multibox.system.json import parse_json
from multibox.system.text import decode_text

NUMBERS: dict[str, np.dtype[Any]] = {"UINT8": np.dtype(np.uint8), "FP32": np.dtype("<f4"), "INT64": np.dtype("<i8")}
_MOST_DIMENSIONS = 4


@dataclass(frozen=True)
class InferRequest:
    """A parsed request: its id, the input, and which outputs are wanted in binary form."""

    id: str | None
    images: list[bytes] | list[np.ndarray]
    outputs: Sequence[str]
    binary: frozenset[str]


def invalid(reason: str) -> Problem:
    """400: the body is not a request of the protocol."""
    return Problem(400, "bad_request", f"{reason}: see /v2/models/NAME for the inputs")


def split_body(body: bytes, *, header_length: str | None) -> tuple[dict[str, Any], bytes]:
    """The JSON object of a body, and the binary data behind it. Raises Problem 400."""
    length = len(body)
    if header_length is not None:
        if not header_length.isdecimal() or len(header_length) > 12 or int(header_length) > len(body):
            raise invalid("Inference-Header-Content-Length is not the length of the JSON in the body")
        length = int(header_length)
    try:
        document = parse_json(decode_text(body[:length], name="the body"), name="the body")
    except DataError:
        raise invalid("the body is not JSON") from None
    if not isinstance(document, dict):
        raise invalid("the body is not a JSON object")
    return document, body[length:]


def parse_request(document: Mapping[str, Any], binary: bytes, *, names: Sequence[str], limit: int) -> InferRequest:
    """The images of a request, `limit` at most, and the wanted outputs among `names`. Raises Problem 400 or 413."""
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise invalid("'inputs' must be a list with one tensor")
    identity = document.get("id")
    outputs, wanted_binary = _outputs(document, names)
    images = _images(inputs[0], binary, limit=limit)
    return InferRequest(identity if isinstance(identity, str) else None, images, outputs, wanted_binary)


def _outputs(document: Mapping[str, Any], names: Sequence[str]) -> tuple[Sequence[str], frozenset[str]]:
    all_binary = _parameter(document, "binary_data_output") is True
    listed = document.get("outputs")
    if listed is None:
        return names, frozenset(names if all_binary else ())
    if not isinstance(listed, list) or not all(isinstance(one, dict) and one.get("name") in names for one in listed):
        raise invalid(f"'outputs' must be a list of tensors with names among {', '.join(names)}")
    binary = {one["name"] for one in listed if _parameter(one, "binary_data") is True or all_binary}
    return [one["name"] for one in listed], frozenset(binary)


def _parameter(owner: Mapping[str, Any], name: str) -> Any:
    parameters = owner.get("parameters")
    return parameters.get(name) if isinstance(parameters, dict) else None


def _images(tensor: Mapping[str, Any], binary: bytes, *, limit: int) -> list[bytes] | list[np.ndarray]:
    if tensor.get("name") != "images":
        raise invalid("the input must have the name 'images'")
    shape, kind = _shape(tensor), tensor.get("datatype")
    size = _parameter(tensor, "binary_data_size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(binary)):
        raise invalid("'binary_data_size' is not the number of bytes behind the JSON")
    if kind not in ("UINT8", "BYTES"):
        raise invalid("the datatype must be UINT8 (pixels) or BYTES (image files)")
    wanted = 1 if len(shape) == 3 and kind == "UINT8" else shape[0]
    if wanted > limit:
        raise Problem(413, "too_many_images", f"the batch has {wanted} images, and {limit} are allowed: send fewer")
    data = tensor.get("data") if size is None else binary[:size]
    return _pixels(data, shape) if kind == "UINT8" else _files(data, shape)


def _shape(tensor: Mapping[str, Any]) -> tuple[int, ...]:
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not 1 <= len(shape) <= _MOST_DIMENSIONS:
        raise invalid("'shape' must be a list of up to 4 numbers")
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 < n < 1 << 31 for n in shape):
        raise invalid("'shape' must have positive whole numbers")
    return tuple(shape)


def _pixels(data: Any, shape: tuple[int, ...]) -> list[np.ndarray]:
    """RGB images from a tensor (B, H, W, 3) or (H, W, 3)."""
    if len(shape) == 3:
        shape = (1, *shape)
    if len(shape) != 4 or shape[3] != 3:
        raise invalid("UINT8 images must have the shape [B, H, W, 3]")
    values = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else _from_list(data)
    if values.size != int(np.prod(shape, dtype=object)):
        raise invalid(f"the data has {values.size:,} values, which do not fill the shape")
    return list(values.reshape(shape))


def _from_list(data: Any) -> np.ndarray:
    """Nested or flat lists of numbers from 0 to 255."""
    try:
        values = np.asarray(data)
    except (ValueError, OverflowError, RecursionError):
        raise invalid("'data' is not a list of numbers") from None
    if values.dtype.kind not in "iu" or values.size == 0 or values.min() < 0 or values.max() > 255:
        raise invalid("'data' must be whole numbers from 0 to 255")
    return values.astype(np.uint8).ravel()


def _files(data: Any, shape: tuple[int, ...]) -> list[bytes]:
    """Image files: base64 texts in JSON; in binary form each has its length in front, 4 bytes, little-endian."""
    files = _framed(data) if isinstance(data, bytes) else _decoded(data)
    if len(files) != int(np.prod(shape, dtype=object)):
        raise invalid(f"the data has {len(files)} elements, which do not fill the shape")
    return files


def _framed(data: bytes) -> list[bytes]:
    files, offset = [], 0
    while offset < len(data):
        if offset + 4 > len(data):
            raise invalid("the binary data ends inside an element")
        (length,) = struct.unpack_from("<I", data, offset)
        if offset + 4 + length > len(data):
            raise invalid("the binary data ends inside an element")
        files.append(data[offset + 4 : offset + 4 + length])
        offset += 4 + length
    return files


def _decoded(data: Any) -> list[bytes]:
    if not isinstance(data, list) or not all(isinstance(text, str) for text in data):
        raise invalid("'data' must be a list of base64 texts")
    try:
        return [base64.b64decode(text, validate=True) for text in data]
    except (binascii.Error, ValueError):
        raise invalid("'data' is not base64") from None


def write_answer(
    fields: Mapping[str, Any], tensors: Mapping[str, tuple[str, np.ndarray]], *, binary: frozenset[str]
) -> tuple[bytes, int | None]:
    """The body of an answer, and the length of its JSON if binary data follows."""
    outputs, blocks = [], []
    for name, (kind, values) in tensors.items():
        entry: dict[str, Any] = {"name": name, "datatype": kind, "shape": list(values.shape)}
        if name in binary:
            blocks.append(np.ascontiguousarray(values, NUMBERS[kind]).tobytes())
            entry["parameters"] = {"binary_data_size": len(blocks[-1])}
        else:
            entry["data"] = values.ravel().tolist()
        outputs.append(entry)
    head = json.dumps({**fields, "outputs": outputs}).encode()
    return head + b"".join(blocks), len(head) if blocks else None
