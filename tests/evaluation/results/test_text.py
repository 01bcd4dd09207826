"""Detections as one text file for each image: a folder written by hand, broken lines, and a real folder."""

from pathlib import Path

import pytest

from evaluation_cases import a_dataset, an_example
from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.errors import DataError
from multibox.evaluation.results.files import read_detections
from shared_data import shared


def two_images() -> Dataset:
    return a_dataset(an_example("one"), an_example("two"), class_names=("cat", "dog"))


def test_a_folder_by_hand(tmp_path: Path) -> None:
    """Lines of class index, score and corners against labels, scores (highest first) and unchanged boxes."""
    (tmp_path / "one.txt").write_text("1 0.25 1 2 3.5 4\n\n0 0.5 10 20 30 40\n")
    found = read_detections(tmp_path, dataset=two_images())
    assert found["one"].boxes.tolist() == [[10, 20, 30, 40], [1, 2, 3.5, 4]]
    assert (found["one"].scores.tolist(), found["one"].labels.tolist()) == ([0.5, 0.25], [0, 1])
    assert len(found["two"]) == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 1 2 3", "'0 0.5 1 2 3'; a line is: class-index score x1 y1 x2 y2"),
        ("cat 0.5 1 2 3 4", "a line is: class-index"),
        ("2 0.5 1 2 3 4", "class index 2; it must be 0 to 1"),
        ("-1 0.5 1 2 3 4", "class index -1; it must be 0 to 1"),
        ("0 nan 1 2 3 4", "score nan"),
        ("0 0.5 5 2 3 4", "as x1 y1 x2 y2"),
    ],
)
def test_broken_lines(tmp_path: Path, line: str, message: str) -> None:
    """The one-line error names the file, the line and the value."""
    (tmp_path / "one.txt").write_text(f"0 0.9 1 1 2 2\n{line}\n")
    with pytest.raises(DataError) as caught:
        read_detections(tmp_path, dataset=two_images())
    assert str(caught.value).startswith(f"{tmp_path / 'one.txt'}: line 2: ")
    assert message in str(caught.value)


def test_a_file_of_an_unknown_image(tmp_path: Path) -> None:
    """A folder with a file named after an image is recognized; a file of an unknown image is an error."""
    for name in ("one", "three"):
        (tmp_path / f"{name}.txt").write_text("0 0.9 1 1 2 2\n")
    with pytest.raises(DataError, match=r"three\.txt: line 1: image id 'three' is not among the 2 of test data"):
        read_detections(tmp_path, dataset=two_images())


def test_a_real_folder() -> None:
    """The detections of the shared images against the number of lines in their folder."""
    folder = shared("data/voc_100/detections")
    found = read_detections(folder, dataset=load_dataset(shared("data/voc_100"), split="test"))
    lines = sum(len(path.read_text().splitlines()) for path in folder.glob("*.txt"))
    assert sum(map(len, found.values())) == lines == 452
