"""The readers of text, JSON and YAML: encodings, line ends, limits, and what is refused with one line."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from multibox.errors import DataError
from multibox.system import json as reader
from multibox.system.json import parse_json, read_json, read_json_entries
from multibox.system.text import decode_text, read_lines, read_text
from multibox.system.yaml import read_yaml, yaml_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_with_and_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    """The lines against the text that was written, with the line ends of Windows, Linux and old Macs."""
    path = tmp_path / "a.txt"
    path.write_bytes("helmet 安全帽\r\nb\u2028c\nd\re\n".encode(encoding))
    assert read_lines(path) == ["helmet 安全帽", "b\u2028c", "d", "e"]


def test_lines_of_empty_files(tmp_path: Path) -> None:
    """No lines for an empty file; an empty line in the middle stays."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    assert read_lines(path) == []
    path.write_bytes(b"a\n\nb")
    assert read_lines(path) == ["a", "", "b"]


def test_declared_encodings() -> None:
    """Bytes in a declared encoding against the text; unknown and wrong encodings are refused."""
    assert decode_text("安全帽".encode("gb2312"), name="x", declared="GB2312") == "安全帽"
    with pytest.raises(DataError, match="x declares the encoding 'klingon', which is unknown"):
        decode_text(b"a", name="x", declared="klingon")
    with pytest.raises(DataError, match=r"x is not text in UTF-8 \(byte 0xff at position 1\)"):
        decode_text(b"a\xff", name="x")
    with pytest.raises(DataError, match="'rot13', which is unknown"):
        decode_text(b"a", name="x", declared="rot13")


def test_only_regular_files_up_to_the_limit_are_read(tmp_path: Path) -> None:
    """A pipe, a device, a folder, a missing file and a large file against one line; nothing blocks."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "large").write_bytes(b"a" * 11)
    for name, message in (
        ("pipe", "not a regular file"),
        ("zero", "not a regular file"),
        (".", "cannot be read|not a regular file"),
        ("none", "no such file"),
        ("large", "has 11 bytes; at most 10 are read"),
        ("a\0b", "NUL character"),
        ("n" * 300, "name too long"),
    ):
        with pytest.raises(DataError, match=message):
            read_text(tmp_path / name, limit=10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "x is nested too deeply"),
        ('{"a":' * 100_000, "x is nested too deeply"),
        ("[1,", "x is not JSON"),
        ("", "x is not JSON"),
        ("1" * 5000, "thousands of digits"),
        (r'{"name": "\ud800dog"}', r"holds \\ud800 alone"),
        (r'{"a": {"\udc41": 1}}', r"holds \\udc41 alone"),
    ],
)
def test_json_that_is_refused(text: str, message: str) -> None:
    """Depth, cut text, long numbers and halves of surrogate pairs against one line that names the file."""
    with pytest.raises(DataError, match=message) as caught:
        parse_json(text, name="x")
    assert "\n" not in str(caught.value)


def test_json_that_is_read(tmp_path: Path) -> None:
    """Whole surrogate pairs, 400 digits, NaN, and a byte order mark against Python's values."""
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": "\U0001f436", "b": 10**400}).encode())
    assert read_json(path) == {"a": "\U0001f436", "b": 10**400}
    assert parse_json("[NaN]", name="x")[0] != parse_json("[NaN]", name="x")[0]


def test_yaml_keeps_text(tmp_path: Path) -> None:
    """Apostrophes, escapes, folded text, references and words such as `yes` against the text that YAML 1.1 defines."""
    path = tmp_path / "a.yaml"
    path.write_text(
        "names: [driver's seat, 'it''s', \"t\\ta\", yes, 1.0, null]\nlong:\n- a name\n  folded\nx: &x images\ny: *x\n"
    )
    assert read_yaml(path) == {
        "names": ["driver's seat", "it's", "t\ta", "yes", "1.0", "null"],
        "long": ["a name folded"],
        "x": "images",
        "y": "images",
    }


@pytest.mark.parametrize("text", ["a: [", "a: 'b", "[" * 5000, "a: b: c", "\t- a", "a: *nothing", "? [a]\n: b"])
def test_yaml_that_is_refused(tmp_path: Path, text: str) -> None:
    """Text that is no YAML, deep nesting and unknown references against one line that names the file."""
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=r"a\.yaml is ") as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)


def test_yaml_is_written_and_read_again(tmp_path: Path) -> None:
    """Names that YAML would change without quotes against what is read again."""
    names = ["yes", "1.0", "km\\h", 'it\'s "b"', " a", "#c", "é安", "a\nb", "x" * 200]
    (tmp_path / "a.yaml").write_text(yaml_text({"train": "images/train", "names": dict(enumerate(names))}), "utf-8")
    read = read_yaml(tmp_path / "a.yaml")
    assert list(read) == ["train", "names"]
    assert list(read["names"].values()) == names


ENTRIES: list[Any] = [
    *({"id": i, "box": [1.5, 2]} for i in range(40)),
    {"name": "}, {", "inner": [{"a": 1}, {"b": [{"c": 2}, {"d": "\\"}]}]},
    {"name": '"}, {"'},
    7,
    *({"id": i} for i in range(40)),
]


@pytest.mark.parametrize("size", [1, 30, 100, 10**6])
@pytest.mark.parametrize("indent", [None, 1])
def test_entries_of_a_list_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, indent: int | None):
    """Parts of any size against the whole list; commas inside entries and texts do not divide it."""
    monkeypatch.setattr(reader, "_PART_BYTES", size)
    path = tmp_path / "a.json"
    for entries in (ENTRIES, ENTRIES[:40], [], [[]]):
        path.write_text(json.dumps(entries, indent=indent))
        assert [entry for part in read_json_entries(path, expected="x") for entry in part] == entries


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}', "holds one dict; give a list"),
        ("7", "holds one int; give a list"),
        (
            json.dumps(ENTRIES)[:-1],
            f"is not JSON .expecting ',' delimiter: line 1 column {len(json.dumps(ENTRIES))}.; ",
        ),
        (json.dumps(ENTRIES) + "]", "is not JSON .extra data"),
        (json.dumps(ENTRIES[:40])[:-1] + ', {"a": "\\ud800"}, {"a": 1}]', r"\\ud800 alone"),
        (json.dumps(ENTRIES[:40])[:-1] + ", {}, {" + "[" * 100_000, "is not JSON|nested too deeply"),
        (json.dumps(ENTRIES[:40]) + json.dumps(ENTRIES[:40]), "is not JSON .extra data: line 1 column 1151.; "),
    ],
)
def test_wrong_lists_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str):
    """Documents that are no list or are damaged, against the error with the place in the whole document."""
    monkeypatch.setattr(reader, "_PART_BYTES", 100)
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_json_entries(tmp_path / "a.json", expected="give a list"))
