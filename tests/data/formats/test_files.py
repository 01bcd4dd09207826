"""Which entries of folders count, and how the paths in annotation files are found."""

import os
from pathlib import Path

import pytest

from multibox.data.formats.files import Listing, NamedFiles, files_below, files_with, special_files, usable_name


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    """Links to a folder elsewhere, to a sibling and to a folder above against each file once."""
    touch(tmp_path / "images/a/1.jpg", tmp_path / "other/2.jpg", tmp_path / "images/z/3.JPG")
    (tmp_path / "images/b").symlink_to(tmp_path / "other")
    (tmp_path / "images/0").symlink_to(tmp_path / "images/a")
    (tmp_path / "images/a/up").symlink_to(tmp_path / "images")
    found = files_below(tmp_path / "images", (".jpg",))
    assert [str(path.relative_to(tmp_path / "images")) for path in found] == ["a/1.jpg", "b/2.jpg", "z/3.JPG"]


def test_hidden_entries_and_special_files(tmp_path: Path) -> None:
    """Names with a dot, __MACOSX, folders, pipes and devices are no files; pipes and devices are named."""
    touch(tmp_path / "a.xml", tmp_path / "._a.xml", tmp_path / "__MACOSX/b.xml", tmp_path / "c.xml/d.txt")
    os.mkfifo(tmp_path / "p.xml")
    (tmp_path / "z.xml").symlink_to("/dev/zero")
    assert files_with(tmp_path, (".xml",)) == files_below(tmp_path, (".xml",)) == [tmp_path / "a.xml"]
    (tmp_path / "sub").mkdir()
    os.mkfifo(tmp_path / "sub/q.xml")
    for below, names in ((False, ["p.xml", "z.xml"]), (True, ["p.xml", "z.xml", "q.xml"])):
        found = special_files(Listing(tmp_path, (".xml",), below))
        assert [Path(problem.file).name for problem in found] == names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("sub/a.jpg", "sub/a.jpg"),
        ("sub\\a.jpg", "sub/a.jpg"),
        ("odd\\name.jpg", "odd\\name.jpg"),
        ("./sub/../a.jpg", "a.jpg"),
        ("/content/other/sub/a.jpg", "sub/a.jpg"),
        ("D:\\data\\a.jpg", "a.jpg"),
        ("https://host.example/x/a.jpg?v=1", "a.jpg"),
        ("../../upload/1/a.jpg", "a.jpg"),
        ("sub/missing.jpg", None),
        ("cam1/a.jpg", "a.jpg"),
        ("../outside.jpg", None),
        ("/etc/hostname", None),
        ("..", None),
        ("", None),
        ("a\0.jpg", None),
        ("\ud800.jpg", None),
        ("x" * 300, None),
    ],
)
def test_names_in_annotations(tmp_path: Path, name: str, expected: str | None) -> None:
    """Names with folders of this and other machines, backslashes, and names that lead out, against the file meant."""
    root = tmp_path / "set"
    touch(root / "a.jpg", root / "sub/a.jpg", root / "odd\\name.jpg", tmp_path / "outside.jpg")
    found = NamedFiles(root).find(name, (root,))
    assert found == (None if expected is None else root / expected)


def test_names_outside_with_the_option(tmp_path: Path) -> None:
    """The same names are found with `outside`; a name that no file can have is unusable."""
    touch(tmp_path / "outside.jpg")
    (tmp_path / "set").mkdir()
    files = NamedFiles(tmp_path / "set", outside=True)
    assert files.find("../outside.jpg", (tmp_path / "set",)) == tmp_path / "outside.jpg"
    assert not any(map(usable_name, ("", ".", "a/..", "a\0", "\ud800", "x" * 256, "a/" * 3000 + "b")))
