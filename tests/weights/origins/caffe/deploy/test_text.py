"""The reader of protobuf's text format against texts whose content is known, and against any text."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.errors import MultiboxError
from multibox.weights.origins.caffe.deploy.text import MAX_BYTES, Message, read_text_format


def read(folder: Path, text: str) -> Message:
    (folder / "a.prototxt").write_text(text, encoding="utf-8")
    return read_text_format(folder / "a.prototxt")


def plain(message: Message) -> dict:
    return {
        name: [plain(value) if isinstance(value, Message) else value for value in values]
        for name, values in message.fields.items()
    }


def test_all_forms(tmp_path: Path) -> None:
    """Every form of the text format: messages with and without colon or in angle brackets, lists, quotes, comments."""
    text = """# a comment
    name: "a \\"b\\"" ; other: 'c'  # with a comment
    layer { type: ReLU, value: -1.5e-3 flag: true }
    layer: < type: MAX sizes: [1, 2.5 3] >
    layer{inner{x:1}}empty: []
    wide: .5f
    """
    expected = {
        "name": ['a "b"'],
        "other": ["c"],
        "layer": [
            {"type": ["ReLU"], "value": ["-1.5e-3"], "flag": ["true"]},
            {"type": ["MAX"], "sizes": ["1", "2.5", "3"]},
            {"inner": [{"x": ["1"]}]},
        ],
        "wide": [".5f"],
    }
    assert plain(read(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layer {", "ends inside the message that begins in line 1"),
        ("a: 1\n}", "'}' in line 2"),
        ("a", "'a' in line 1"),
        ("a: }", "'}' in line 1"),
        ("\n\n@", "'@' in line 3"),
        ("a: [1", "'\\[' in line 1"),
        ("a { " * 40, "at most 20 messages inside each other"),
        ('a: "b', "in line 1"),
        ("<html><body>not found</body></html>", "'<' in line 1"),
    ],
)
def test_wrong_texts(tmp_path: Path, text: str, message: str) -> None:
    """Texts that are not in the format against one line with the file and the place."""
    with pytest.raises(MultiboxError, match=message) as caught:
        read(tmp_path, text)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    """A large file, bytes that are no text, a folder and a file that does not exist: one line each."""
    (tmp_path / "large").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00\x01\x80")
    (tmp_path / "folder").mkdir()
    for name in ("large", "bytes", "folder", "absent"):
        with pytest.raises(MultiboxError, match=name) as caught:
            read_text_format(tmp_path / name)
        assert "\n" not in str(caught.value)


@given(st.text(alphabet=st.sampled_from(list("ab1:{}<>[]\"'#\n .-\\é")), max_size=60))
def test_any_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Noise is read or refused, and raises nothing else."""
    with suppress(MultiboxError):
        read(tmp_path_factory.mktemp("noise"), text)
