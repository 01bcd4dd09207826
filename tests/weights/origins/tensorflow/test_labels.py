"""Label maps in the forms that TensorFlow's tools write, against the class names without background."""

from pathlib import Path

import pytest

from multibox.errors import DataError
from multibox.weights.origins.tensorflow.labels import beside, parse_labels, read_labels_file

PBTXT = """
# a comment { with braces
item {
  name: "/m/01g317"
  id: 1
  display_name: "person"
}
item { id: 3 name: 'traffic "light"' }
item {
  id: 4
  name: "dog\\"s"
}
"""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("???\nBicycle\nBoot\n", ("Bicycle", "Boot")),
        ("background\r\ncat\r\n\r\ndog", ("cat", "dog")),
        ("cat\ndog\n", ("cat", "dog")),
        ("???\nperson\n???\ncar\n", ("person", "unused 2", "car")),
        ("0  person\n2  dog\n", ("person", "unused 2", "dog")),
        ("1: person\n2: dog", ("person", "dog")),
        ("cat\ncat\n", ("cat", "cat 2")),
        (PBTXT, ("person", "unused 2", 'traffic "light"', 'dog"s')),
        ('item { id: 0 name: "background" } item { id: 1 name: "cat" }', ("cat",)),
        ("", ()),
        ("item { }", ("unused 1",)),
    ],
)
def test_forms(text: str, names: tuple[str, ...]) -> None:
    """Lines, numbered lines and entries, with background, gaps, repeats and quotes."""
    assert parse_labels(text) == names


def test_hostile_texts() -> None:
    """Ids that would take much memory, and braces without end, against few names in little time."""
    assert parse_labels('item { id: 2000000000 name: "a" }') == ()
    assert len(parse_labels("item {" * 10_000)) == 1
    assert parse_labels("99999 a\n3 b") == ("99999 a", "3 b")


def test_files(tmp_path: Path) -> None:
    """A file without labels against one line; label maps beside a model, the one with its name first."""
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(DataError, match="contains no labels"):
        read_labels_file(tmp_path / "empty.txt")
    (tmp_path / "labelmap.txt").write_text("???\na\nb\n")
    (tmp_path / "detect_labels.txt").write_text("c\n")
    (tmp_path / "detect.pbtxt").write_bytes(b"\xff\xfe\x00")
    assert list(beside(tmp_path / "detect.tflite")) == [("c",), ("a", "b")]
