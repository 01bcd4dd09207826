"""Files, folders and patterns to lists of images, and the places for results."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.errors import UsageError
from multibox.images.find import find_images, result_paths, write_image
from tiny_detector import noise_image


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with images, text, and a folder below."""
    for name in ("b.JPG", "a.png", "notes.txt", "below/c.jpeg", "empty/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(sources: list[str], folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_images([folder / source for source in sources]).files]


def test_what_each_source_stands_for(photos: Path):
    """A folder, a pattern, a pattern into folders and a file of any suffix, against the files listed by hand."""
    assert names(["."], photos) == ["a.png", "b.JPG"]
    assert names(["*.JPG"], photos) == ["b.JPG"]
    assert names(["**"], photos) == ["a.png", "b.JPG", "below/c.jpeg"]
    assert names(["notes.txt"], photos) == ["notes.txt"]
    assert names(["below", "a.png"], photos) == ["below/c.jpeg", "a.png"]


def test_each_image_comes_once(photos: Path):
    """An image named twice and found by a pattern against one entry."""
    assert names(["a.png", "a.png", "*.png"], photos) == ["a.png"]


def test_a_name_with_brackets_is_a_file_where_it_exists(photos: Path):
    """A file whose name is also a pattern against itself."""
    (photos / "x[1].png").touch()
    assert names(["x[1].png"], photos) == ["x[1].png"]


@pytest.mark.parametrize(("source", "words"), [("empty", "holds no images"), ("no.jpg", "does not exist")])
def test_sources_without_images_are_named(photos: Path, source: str, words: str):
    """A folder of text and a missing file against one line each with their path; the others are found."""
    found = find_images([photos / source, photos / "a.png"])
    assert len(found.files) == 1
    assert len(found.problems) == 1
    assert str(photos / source) in found.problems[0]
    assert words in found.problems[0]


def test_a_pattern_without_matches_is_named():
    """A pattern against the line that repeats it."""
    (problem,) = find_images(["/nowhere/*.jpg"]).problems
    assert "'/nowhere/*.jpg' matches no images" in problem


def test_results_of_equal_names_get_numbers(tmp_path: Path):
    """Images of one name from several folders, and of several suffixes, against distinct results."""
    files = [Path("a/x.jpg"), Path("b/x.jpg"), Path("c/X.jpg"), Path("a/x.bmp"), Path("a/x.webp")]
    written = [path.name for path in result_paths(files, tmp_path / "out").values()]
    assert written == ["x.jpg", "x-2.jpg", "X-3.jpg", "x.png", "x-2.png"]


def test_results_never_replace_a_image(photos: Path):
    """The folder of the images itself, also by a detour, against UsageError."""
    files = find_images([photos]).files
    for folder in (photos, photos / "below" / ".."):
        with pytest.raises(UsageError, match="would write over the image"):
            result_paths(files, folder)
    with pytest.raises(UsageError, match="is a file"):
        result_paths(files, photos / "notes.txt")


@pytest.mark.parametrize(("name", "tolerance"), [("a.png", 0), ("a.jpg", 12)])
def test_written_images_read_back(tmp_path: Path, name: str, tolerance: int):
    """An RGB image through a file against itself, exactly for PNG and nearly for JPEG."""
    image = noise_image(seed=0)
    write_image(tmp_path / "new" / name, image)
    back = cv2.imread(str(tmp_path / "new" / name))[:, :, ::-1]
    assert np.abs(back.astype(int) - image).max() <= tolerance
