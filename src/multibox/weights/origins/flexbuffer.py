"""FlexBuffers: a map of named numbers, as TFLite's custom operators store their options.

Only maps of scalars are read, which is all that such options contain; other values are skipped.
"""

import struct
from math import isfinite

_NULL, _INT, _UINT, _FLOAT, _INDIRECT_INT, _INDIRECT_UINT, _INDIRECT_FLOAT, _MAP, _BOOL = 0, 1, 2, 3, 6, 7, 8, 9, 26
_CODES = {
    _INT: {1: "b", 2: "h", 4: "i", 8: "q"},
    _UINT: {1: "B", 2: "H", 4: "I", 8: "Q"},
    _FLOAT: {2: "e", 4: "f", 8: "d"},
}
_MAX_ENTRIES = 1000


def read_map(data: memoryview) -> dict[str, int | float]:
    """The numbers of the map that a FlexBuffer holds, by name. Raises ValueError or struct.error if it holds none."""
    if len(data) < 3:
        raise ValueError("a FlexBuffer has at least three bytes")
    packed, width = data[-2], data[-1]
    kind, child = packed >> 2, 1 << (packed & 3)
    if kind != _MAP:
        raise ValueError("a FlexBuffer that is not a map")
    at = _pointed(data, len(data) - 2 - width, width)
    return _entries(data, at, child)


def _entries(data: memoryview, at: int, width: int) -> dict[str, int | float]:
    """The map whose values begin at `at`; before them are their number, and where the keys are and how wide."""
    count = _unsigned(data, at - width, width)
    if count > _MAX_ENTRIES:
        raise ValueError("a map with too many entries")
    keys = _pointed(data, at - 3 * width, width)
    key_width = _unsigned(data, at - 2 * width, width)
    found: dict[str, int | float] = {}
    for number in range(count):
        name = _text(data, _pointed(data, keys + number * key_width, key_width))
        value = _value(data, at + number * width, width, packed=_unsigned(data, at + count * width + number, 1))
        if value is not None:
            found[name] = value
    return found


def _value(data: memoryview, at: int, width: int, *, packed: int) -> int | float | None:
    """The number at this position, None if it is something else."""
    kind = packed >> 2
    if kind in (_INDIRECT_INT, _INDIRECT_UINT, _INDIRECT_FLOAT):
        at, width, kind = _pointed(data, at, width), 1 << (packed & 3), kind - _INDIRECT_INT + _INT
    if kind == _BOOL:
        kind = _UINT
    code = _CODES.get(kind, {}).get(width)
    value = None if code is None else _unpack(data, code, at)
    if value is not None and not isfinite(value):
        raise ValueError("a number that is not finite")
    return value


def _pointed(data: memoryview, at: int, width: int) -> int:
    """Where an offset points to: so many bytes before its own position."""
    return at - _unsigned(data, at, width)


def _unsigned(data: memoryview, at: int, width: int) -> int:
    if width not in _CODES[_UINT]:
        raise ValueError(f"a width of {width} bytes")
    return int(_unpack(data, _CODES[_UINT][width], at))


def _unpack(data: memoryview, code: str, at: int) -> int | float:
    if at < 0:
        raise ValueError("an offset points before the buffer")
    return struct.unpack_from(f"<{code}", data, at)[0]


def _text(data: memoryview, at: int) -> str:
    """A key: bytes that end with a zero."""
    if at < 0:
        raise ValueError("an offset points before the buffer")
    return str(bytes(data[at : at + 200]).split(b"\0", 1)[0], "utf-8", "replace")
