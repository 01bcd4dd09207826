"""`multibox data show`: a sheet of images with their boxes."""

from pathlib import Path

import cv2
import pytest

from multibox.data.scenes.scenes import write_scenes
from multibox.size import Size

COLUMNS, ROWS, GAP = 3, 2, 6  # of five images


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    write_scenes(tmp_path / "scenes", count=6, seed=0, size=Size(100, 150))
    return tmp_path / "scenes"


@pytest.mark.parametrize("words", [(), ("--augmentation", "caffe")])
def test_the_sheet_is_written(multibox, scenes: Path, tmp_path: Path, words: tuple[str, ...]):
    """Size of the sheet of five images against rows and columns of tiles; the same seed gives the same file."""
    sheets = [tmp_path / "new" / f"{number}.png" for number in range(3)]
    for sheet, seed in zip(sheets, (1, 1, 2), strict=True):
        found = multibox("data", "show", scenes, *words, "--count", 5, "--seed", seed, "--out", sheet)
        assert (found.code, found.err) == (0, "")
        assert found.out.startswith(f"{sheet}: scenes train, 6 images, ")
    assert cv2.imread(str(sheets[0])).shape == (ROWS * (300 + GAP) + GAP, COLUMNS * (300 + GAP) + GAP, 3)
    assert sheets[0].read_bytes() == sheets[1].read_bytes() != sheets[2].read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--augmentation", "strong"), "augmentation 'strong' is not known: choose one of none, flip, paper, caffe"),
        (("--out", "sheet.gif"), "--out sheet.gif must end in one of .png, .jpg, .jpeg"),
        (("--split", "test"), "split 'test' does not exist"),
    ],
)
def test_mistakes_are_one_line(multibox, scenes: Path, words: tuple[str, ...], message: str):
    """Wrong options against the line with the correct ones; nothing is written."""
    found = multibox("data", "show", scenes, *words)
    assert found.code in (1, 2)
    assert message in found.err
    assert found.err.count("\n") == 1
    assert not Path("sheet.gif").exists()
