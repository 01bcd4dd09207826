"""Protobuf's wire format for tests that need more of a .caffemodel than new layers with packed arrays."""

import struct
from collections.abc import Iterable

import numpy as np


def varint(number: int) -> bytes:
    digits = []
    while True:
        digits.append(number % 128)
        number //= 128
        if not number:
            return bytes([*(digit + 128 for digit in digits[:-1]), digits[-1]])


def number(field: int, value: int) -> bytes:
    return varint(field * 8) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field * 8 + 2) + varint(len(content)) + content


def floats(field: int, values: Iterable[float]) -> bytes:
    """Repeated numbers that are not packed: a key before each."""
    return b"".join(varint(field * 8 + 5) + struct.pack("<f", value) for value in values)


def legacy_blob(values: np.ndarray) -> bytes:
    """An array with the four sides of old files: num, channels, height, width."""
    sides = (1,) * (4 - values.ndim) + values.shape
    header = b"".join(number(i, side) for i, side in enumerate(sides, start=1))
    return header + message(5, values.astype("<f4").tobytes())


def prior_box_layer(name: str, *, sizes: tuple[float, float], ratios: Iterable[float], step: float) -> bytes:
    """A PriorBox layer as training writes it into a snapshot, without arrays."""
    settings = floats(1, [sizes[0]]) + floats(2, [sizes[1]]) + floats(3, ratios) + number(4, 1) + number(5, 0)
    settings += floats(6, [0.1, 0.1, 0.2, 0.2]) + floats(10, [step]) + floats(13, [0.5])
    return message(100, message(1, name.encode()) + message(2, b"PriorBox") + message(203, settings))
