"""Writes FlatBuffers: a table is a dict from field number to value. Independent of the reader under test.

Values are pairs (code, number) with a code of the module struct, dicts, lists of dicts, texts, bytes, and numpy arrays.
"""

import struct
from typing import Any

import numpy as np


def write_buffer(root: dict[int, Any], identifier: bytes) -> bytes:
    """A file with the root table; children follow their parents, because offsets point forward."""
    out = bytearray(struct.pack("<I", 0) + identifier)
    waiting: list[tuple[int, Any]] = [(0, root)]
    while waiting:
        at, value = waiting.pop(0)
        start = _write(out, value, waiting)
        struct.pack_into("<I", out, at, start - at)
    return bytes(out)


def _write(out: bytearray, value: Any, waiting: list[tuple[int, Any]]) -> int:
    if isinstance(value, dict):
        return _table(out, value, waiting)
    if isinstance(value, str):
        value = value.encode()
        start = _vector(out, len(value), size=1)
        out += value + b"\0"
        return start
    if isinstance(value, bytes):
        start = _vector(out, len(value), size=16)
        out += value
        return start
    if isinstance(value, np.ndarray):
        start = _vector(out, len(value), size=value.itemsize)
        out += value.tobytes()
        return start
    start = _vector(out, len(value), size=4)
    for child in value:
        waiting.append((len(out), child))
        out += bytes(4)
    return start


def _vector(out: bytearray, count: int, *, size: int) -> int:
    """Pad so that the elements behind the count are aligned; returns where the count is."""
    while (len(out) + 4) % max(size, 4):
        out.append(0)
    out += struct.pack("<I", count)
    return len(out) - 4


def _table(out: bytearray, fields: dict[int, Any], waiting: list[tuple[int, Any]]) -> int:
    """A vtable, then the table with its fields, each at a multiple of 8 bytes."""
    count = max(fields, default=-1) + 1
    while len(out) % 8:
        out.append(0)
    vtable = len(out)
    start = vtable + 4 + 2 * count
    start += -start % 8
    out += bytes(start - vtable + 8 + 8 * len(fields))
    struct.pack_into("<i", out, start, start - vtable)
    struct.pack_into("<HH", out, vtable, 4 + 2 * count, 8 + 8 * len(fields))
    for place, (number, value) in enumerate(sorted(fields.items())):
        at = start + 8 + 8 * place
        struct.pack_into("<H", out, vtable + 4 + 2 * number, at - start)
        if isinstance(value, tuple):
            struct.pack_into(f"<{value[0]}", out, at, value[1])
        else:
            waiting.append((at, value))
    return start
