"""Files, folders and patterns against the lists of images that they name."""

from pathlib import Path

import pytest

from multibox.images.find import find_images


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with images, text and subfolders."""
    for name in ("b.JPG", "a.png", "notes.txt", "below/c.jpeg", "empty/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(sources: list[str], folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_images([folder / source for source in sources]).files]


def test_images_of_each_kind_of_source(photos: Path):
    """A folder, a pattern, a pattern with subfolders and a file with any suffix, against files listed by hand."""
    assert names(["."], photos) == ["a.png", "b.JPG"]
    assert names(["*.JPG"], photos) == ["b.JPG"]
    assert names(["**"], photos) == ["a.png", "b.JPG", "below/c.jpeg"]
    assert names(["notes.txt"], photos) == ["notes.txt"]
    assert names(["below", "a.png"], photos) == ["below/c.jpeg", "a.png"]


def test_each_image_comes_once(photos: Path):
    """An image that is named twice and matched by a pattern, against one entry."""
    assert names(["a.png", "a.png", "*.png"], photos) == ["a.png"]


def test_a_name_with_brackets_is_a_file_if_it_exists(photos: Path):
    """A file with a name that is also a pattern, against the file itself."""
    (photos / "x[1].png").touch()
    assert names(["x[1].png"], photos) == ["x[1].png"]


@pytest.mark.parametrize(("source", "words"), [("empty", "contains no images"), ("no.jpg", "does not exist")])
def test_sources_without_images_are_named(photos: Path, source: str, words: str):
    """A folder of text and a missing file, against one line each with their path; other images are found."""
    found = find_images([photos / source, photos / "a.png"])
    assert len(found.files) == 1
    assert len(found.problems) == 1
    assert str(photos / source) in found.problems[0]
    assert words in found.problems[0]


def test_a_pattern_without_matches_is_named():
    """A pattern without matches, against the line that repeats it."""
    (problem,) = find_images(["/nowhere/*.jpg"]).problems
    assert "'/nowhere/*.jpg' matches no images" in problem


def test_capitals_hidden_files_and_images_that_cannot_be_read(tmp_path):
    """Suffixes in capitals are found, macOS's `._` files are not, and HEIC files are named instead of left out."""
    for name in ("a.JPG", "b.Png", "._a.JPG", "c.HEIC", "d.heic", "notes.txt"):
        (tmp_path / name).touch()
    found = find_images([tmp_path])
    assert [path.name for path in found.files] == ["a.JPG", "b.Png"]
    assert found.problems == (f"{tmp_path}: 2 images of the kind .heic cannot be read; convert them to JPEG",)
    (tmp_path / "heic").mkdir()
    (tmp_path / "heic" / "x.heif").touch()
    (problem,) = find_images([tmp_path / "heic"]).problems
    assert problem.endswith("1 image of the kind .heif cannot be read; convert them to JPEG")


def test_an_empty_name():
    """An empty name is a problem, not the current folder."""
    found = find_images([""])
    assert found.files == ()
    assert found.problems[0].startswith("'' is an empty name")
