"""Protobuf's wire format: fields of messages and their values, without a schema and without the protobuf library.

Parts of a message share the memory of the file's bytes, and reading stops with ValueError or IndexError where the bytes
are not a message, so a hostile file takes no more memory and time than its size.
"""

from collections.abc import Iterator

_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5

Value = int | memoryview


def message_fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """(field number, value) of a message: a whole number for varints, the bytes for everything else."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _LENGTH:
            size, at = _varint(message, at)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(message):
            raise ValueError("the message ends inside a field")
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and the position after it."""
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
        if shift > 63:
            raise ValueError("a number of more than ten bytes")


def as_bytes(value: Value) -> memoryview:
    """The value as bytes: a message, a text or packed numbers. Raises ValueError for a number."""
    if isinstance(value, int):
        raise ValueError("a number instead of a message")
    return value


def integers(value: Value) -> list[int]:
    """The numbers of a repeated field, packed into one value or as single values."""
    if isinstance(value, int):
        return [value]
    numbers, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        numbers.append(number)
    return numbers
