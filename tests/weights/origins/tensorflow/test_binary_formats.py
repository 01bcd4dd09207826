"""FlatBuffers and FlexBuffers against their own library; damaged bytes against errors."""

import struct

import numpy as np
import pytest

from multibox.weights.origins.flatbuffer import Table
from multibox.weights.origins.flexbuffer import read_map
from oracles.flatbuffer_writer import write_buffer

ROOT = {
    0: ("i", -7),
    1: "text",
    3: ("f", 0.5),
    4: [{0: ("b", 3)}, {}],
    5: np.array([1, -2, 3], "<i4"),
    6: b"bytes",
    8: {2: ("I", 9)},
}


def test_values() -> None:
    """Every kind of value, and the defaults of missing fields."""
    root = Table.root(memoryview(write_buffer(ROOT, b"TEST")))
    assert (root.integer(0), root.text(1), root.number(3)) == (-7, "text", 0.5)
    assert [table.integer(0, "b", default=5) for table in root.tables(4)] == [3, 5]
    assert root.integers(5) == [1, -2, 3]
    assert bytes(root.bytes(6)) == b"bytes"
    inner = root.table(8)
    assert inner is not None
    assert inner.integer(2, "I") == 9
    assert (root.integer(2), root.text(7), root.table(9), root.tables(9)) == (0, "", None, [])


def test_damaged_buffers() -> None:
    """A buffer with any one byte changed is read or raises one of two errors."""
    content = write_buffer(ROOT, b"TEST")
    for at in range(len(content)):
        for value in (0, 0x7F, 0xFF):
            damaged = memoryview(content[:at] + bytes([value]) + content[at + 1 :])
            try:
                root = Table.root(damaged)
                for field in range(9):
                    (root.text(field), root.tables(field), root.array(field, "<i4"), root.integer(field))
            except (ValueError, struct.error):
                continue


def test_maps() -> None:
    """Numbers of a map that the library wrote, small and large; texts are left out."""
    flexbuffers = pytest.importorskip("flatbuffers.flexbuffers", reason="flatbuffers is not installed")
    given = {"a": 1, "b": -70_000, "c": True, "d": 0.25, "e": 1e-8, "f": 2**40, "text": "x", "list": [1, 2]}
    assert read_map(memoryview(bytes(flexbuffers.Dumps(given)))) == {
        key: given[key] for key in ("a", "b", "c", "d", "e", "f")
    }


@pytest.mark.parametrize("content", [b"", b"\0\0\0", bytes(range(40)), b"\xff" * 30])
def test_damaged_maps(content: bytes) -> None:
    """Bytes that are no map raise one of two errors."""
    with pytest.raises((ValueError, struct.error)):
        read_map(memoryview(content))
