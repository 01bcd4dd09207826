"""FlatBuffers: tables, vectors and texts of a binary file, read in place without a schema and without a library.

A table is a list of numbered fields, each of which may be missing. Every offset is checked against the size of the
file; ValueError or struct.error says that the bytes are not such a file. Nothing is copied until a value is used.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

MAX_ELEMENTS = 1 << 17
"""The most tables or texts of one vector. Arrays of numbers may be as long as the file."""

MAX_TEXT = 500


class Table:
    """One table of the buffer `data`, at the byte `at`."""

    def __init__(self, data: memoryview, at: int) -> None:
        self.data, self.at = data, at
        vtable = at - _number(data, "<i", at)
        self._vtable, self._size = vtable, _number(data, "<H", vtable)
        if self._size < 4 or vtable + self._size > len(data):
            raise ValueError("a table points outside of the file")

    @classmethod
    def root(cls, data: memoryview) -> "Table":
        """The first table of a file."""
        return cls(data, _number(data, "<I", 0))

    def integer(self, field: int, code: str = "i", *, default: int = 0) -> int:
        """A whole number; `code` is its type for the module struct, such as "b", "i" or "I"."""
        at = self._position(field)
        return default if at is None else int(_number(self.data, f"<{code}", at))

    def number(self, field: int, *, default: float = 0.0) -> float:
        """A float32."""
        at = self._position(field)
        return default if at is None else float(_number(self.data, "<f", at))

    def table(self, field: int) -> "Table | None":
        """A table, None if the field is missing."""
        at = self._position(field)
        return None if at is None else Table(self.data, self._target(at))

    def tables(self, field: int) -> list["Table"]:
        """A vector of tables."""
        start, count = self._vector(field, size=4, limit=MAX_ELEMENTS)
        return [Table(self.data, self._target(start + 4 * number)) for number in range(count)]

    def text(self, field: int) -> str:
        """The first letters of a text, at most MAX_TEXT bytes; empty if the field is missing."""
        return str(self.bytes(field)[:MAX_TEXT], "utf-8", "replace")

    def bytes(self, field: int) -> memoryview:
        """A vector of bytes, which shares the memory of the file."""
        start, count = self._vector(field, size=1)
        return self.data[start : start + count]

    def array(self, field: int, dtype: str) -> np.ndarray:
        """A vector of numbers of a little-endian numpy type such as "<i4"; shares the memory of the file."""
        size = np.dtype(dtype).itemsize
        start, count = self._vector(field, size=size)
        return np.frombuffer(self.data[start : start + count * size], dtype=dtype)

    def integers(self, field: int) -> Sequence[int]:
        """A vector of int32 as Python's numbers."""
        return self.array(field, "<i4").tolist()

    def _position(self, field: int) -> int | None:
        """Where the field is in the file, None if the table lacks it."""
        entry = 4 + 2 * field
        if entry + 2 > self._size:
            return None
        offset = _number(self.data, "<H", self._vtable + entry)
        return self.at + offset if offset else None

    def _target(self, at: int) -> int:
        """Where the offset at this position points to."""
        return at + _number(self.data, "<I", at)

    def _vector(self, field: int, *, size: int, limit: int | None = None) -> tuple[int, int]:
        """The start and the number of elements, which have `size` bytes each; no elements if the field is missing."""
        at = self._position(field)
        if at is None:
            return 0, 0
        start = self._target(at)
        count = _number(self.data, "<I", start)
        if start + 4 + count * size > len(self.data) or (limit is not None and count > limit):
            raise ValueError("a vector ends outside of the file")
        return start + 4, count


def _number(data: memoryview, code: str, at: int) -> Any:
    if at < 0:
        raise ValueError("an offset points before the file")
    return struct.unpack_from(code, data, at)[0]
