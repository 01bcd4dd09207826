"""YOLO data sets against counted lines, and against small folders written here with real image headers."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.data.load import load_dataset
from multibox.errors import DataError
from multibox.size import Size
from shared_data import shared


def draw(path: Path, *, width: int = 40, height: int = 20) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((height, width, 3), dtype=np.uint8))
    return path


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_counts_against_counted_lines() -> None:
    """Objects against the lines of label files with an image; `problems` names the two label files without one."""
    root = shared("data/coco128_yolo")
    lines = {path.stem: len(path.read_text().split("\n")) - 1 for path in (root / "labels").glob("*.txt")}
    images = {path.stem for path in (root / "images").glob("*.jpg")}
    data = load_dataset(root)
    assert {example.id: len(example.labels) for example in data} == {stem: lines.get(stem, 0) for stem in images}
    assert data.num_objects + sum(count for stem, count in lines.items() if stem not in images) == 941
    assert [Path(line.partition(":")[0]).stem for line in data.problems] == sorted(set(lines) - images)
    assert len(data.class_names) == 80


def test_pixels_come_from_the_header(tmp_path: Path) -> None:
    """Relative values against pixels of the image's size; outlines against the box around them."""
    draw(tmp_path / "images/a.png")
    text(tmp_path / "labels/a.txt", "1 0.5 0.5 0.5 0.2\n\n0 0.1 0.1 0.4 0.1 0.4 0.8\n")
    data = load_dataset(tmp_path)
    np.testing.assert_allclose(data[0].boxes, [[10, 8, 30, 12], [4, 2, 16, 16]], atol=1e-5)
    assert data.class_names == ("0", "1")
    assert data[0].size == Size(20, 40)


def test_splits_of_a_yaml(tmp_path: Path) -> None:
    """Folders, list files, lists of both, a superfluous ../ and the `path` of another machine, against the images."""
    for name in ("train/images/a", "valid/images/b", "more/images/c"):
        draw(tmp_path / f"{name}.jpg")
    text(tmp_path / "lists/test.txt", "../more/images/c.jpg\n./valid/images/b.jpg\n")
    text(
        tmp_path / "data.yaml",
        "path: /nowhere/at/all # not here\ntrain: [../train/images, more/images]\nval: ../valid/images\n"
        "test: lists/test.txt\nnc: 2\nnames: ['a cup', \"b\"]\ndownload: |\n  import os\n",
    )
    ids = {split: [example.id for example in load_dataset(tmp_path, split=split)] for split in ("train", "val", "test")}
    assert ids == {"train": ["a", "c"], "val": ["b"], "test": ["c", "b"]}
    assert [example.id for example in load_dataset(tmp_path / "data.yaml", split="all")] == ["a", "c", "b"]
    assert load_dataset(tmp_path).class_names == ("a cup", "b")
    with pytest.raises(DataError, match=r"split 'night' does not exist in .*; it has train, val, test, all"):
        load_dataset(tmp_path, split="night")


def test_folders_without_a_yaml(tmp_path: Path) -> None:
    """images/train and images/val are splits; classes.txt names the classes; empty label files are backgrounds."""
    draw(tmp_path / "images/train/a.jpg")
    draw(tmp_path / "images/val/b.jpg")
    text(tmp_path / "labels/train/a.txt", "1 .5 .5 .1 .1")
    text(tmp_path / "labels/val/b.txt", "")
    text(tmp_path / "classes.txt", "cup\nfork\n")
    assert load_dataset(tmp_path).class_names == ("cup", "fork")
    assert load_dataset(tmp_path)[0].labels.tolist() == [1]
    assert load_dataset(tmp_path, split="valid")[0].boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 .5 .5 .1", r"a\.txt, line 1: '0 .5 .5 .1' has 4 numbers"),
        ("cup .5 .5 .1 .1", "is not a label; write"),
        ("0.5 .5 .5 .1 .1", "class '0.5' is not a whole number"),
        ("7 .5 .5 .1 .1", r"line 1: class '7' is not one of 0, 1"),
    ],
)
def test_lines_that_are_not_labels(tmp_path: Path, line: str, message: str) -> None:
    """Too few numbers, words, fractions and unknown classes against one-line errors with file and line."""
    draw(tmp_path / "images/a.jpg")
    text(tmp_path / "labels/a.txt", line)
    text(tmp_path / "data.yaml", "train: images\nnames: {0: cup, 1: fork}\n")
    with pytest.raises(DataError, match=message):
        load_dataset(tmp_path)


def test_an_image_without_a_header_is_kept(tmp_path: Path) -> None:
    """An image without a readable header is kept without objects; decoding reports it."""
    text(tmp_path / "images/a.jpg", "no image")
    text(tmp_path / "labels/a.txt", "0 .5 .5 .1 .1")
    data = load_dataset(tmp_path)
    assert [len(example.labels) for example in data] == [0]
