"""YOLO labels and data.yaml of other tools: key points, outlines, tracks, names, lists, Darknet."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from data_set_files import write_file, write_image
from multibox.check.check import check_dataset
from multibox.data.load import load_dataset
from multibox.errors import DataError

BOX = ".3 .5 .4 .5"
OUTLINE = ".1 .1 .6 .1 .6 .5 .1 .5"


def data_set(root: Path, *labels: str, yaml: str = "") -> Path:
    for number, label in enumerate(labels):
        write_image(root / f"images/{number}.jpg")
        write_file(root / f"labels/{number}.txt", label)
    write_file(root / "data.yaml", f"train: images\nnames: [cup, plate]\n{yaml}")
    return root


def boxes(root: Path) -> list[list[float]]:
    """Boxes relative to the image, rounded."""
    found = [example.boxes / [40, 20, 40, 20] for example in load_dataset(root)]
    return np.concatenate(found).round(3).tolist()


@pytest.mark.parametrize(
    ("shape", "points"), [("[2, 3]", ".2 .4 2 .3 .5 0"), ("[2, 2]", ".2 .4 .3 .5"), ("[3, 2]", ".2 .4 .3 .5 0 0")]
)
def test_key_points_follow_the_box(tmp_path: Path, shape: str, points: str) -> None:
    """With kpt_shape the first four numbers are the box; a box alone is one too, and other lengths are refused."""
    root = data_set(tmp_path, f"0 {BOX} {points}", f"0 {BOX}", yaml=f"kpt_shape: {shape}\n")
    assert boxes(root) == [[0.1, 0.25, 0.5, 0.75]] * 2
    write_file(root / "labels/0.txt", f"0 {BOX} .1 .2")
    with pytest.raises(DataError, match=r"0\.txt, line 1: .* has 7 numbers; kpt_shape asks for"):
        load_dataset(root)


def test_outlines_and_what_could_be_key_points(tmp_path: Path) -> None:
    """Outlines become boxes; values outside 0..1, tracks and what could be key points are errors, not guesses."""
    assert boxes(data_set(tmp_path / "a", f"0 {OUTLINE}")) == [[0.1, 0.1, 0.6, 0.5]]
    assert boxes(data_set(tmp_path / "b", "0 .1 .1 .5 .2 .3 .95")) == [[0.1, 0.1, 0.5, 0.95]]
    for name, label, message in (
        ("c", f"0 {BOX} .2 .4 2 .3 .5 2", "values are outside 0 to 1; for key points write kpt_shape"),
        ("d", f"0 {BOX} .91 1", "could be an outline, or a box with score and track"),
        ("e", f"0 {BOX} .91", "has 6 numbers"),
        ("f", f"0 {BOX} .2 .4 .3 .5 0 0", "11 numbers could be an outline or a box with key points"),
    ):
        root = data_set(tmp_path / name, label)
        with pytest.raises(DataError, match=message):
            load_dataset(root)
        assert not check_dataset(root).ok
    mixed = data_set(tmp_path / "g", f"0 {BOX} .2 .4 .3 .5 0 0", f"0 {OUTLINE} .2 .2")
    assert len(boxes(mixed)) == 2


def test_names_of_data_yaml(tmp_path: Path) -> None:
    """Apostrophes, commas in quotes and folded names keep the class numbers; nc of another number is refused."""
    write_image(tmp_path / "images/a.jpg")
    write_file(tmp_path / "labels/a.txt", "1 .5 .5 .1 .1")
    for names, expected in (
        ("[driver's seat, cup]", ("driver's seat", "cup")),
        ("['cat, tabby', say \"hi\"]", ("cat, tabby", 'say "hi"')),
        ("\n- a long\n  name\n- yes", ("a long name", "yes")),
        ("{1: b, 0: a}", ("a", "b")),
    ):
        write_file(tmp_path / "data.yaml", f"train: images\nnc: 2\nnames: {names}\n")
        data = load_dataset(tmp_path)
        assert (data.class_names, data[0].labels.tolist()) == (expected, [1])
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghi")
    )
    for text, message in (
        ("nc: 3\nnames: [a, b]", "nc is 3, but there are 2 names"),
        ("names: [[a], b]", "is a list or mapping"),
        ("names: {x: a}", "are not class numbers"),
        ("names: {99999999: a}", "class numbers are 0 to 32,766"),
        ("kpt_shape: 17", "kpt_shape is '17'"),
        ("names: [a, a]", "two classes are named 'a'"),
        (f"nc: {'9' * 5000}\nnames: [a, b]", "nc is 9{30}, but there are 2 names"),
        (f"{bomb}names: [*i]", r"the class name \[\[.{,60} is a list or mapping"),
        (f"{bomb}names: [a]\nnc: *i", r"nc is \[\[.{,60}, but there are 1 names"),
        (f"{bomb}kpt_shape: *i", r"kpt_shape is \[\[.{,60}; write"),
    ):
        write_file(tmp_path / "data.yaml", f"train: images\n{text}\n")
        with pytest.raises(DataError, match=message):
            load_dataset(tmp_path)


def test_huge_class_numbers(tmp_path: Path) -> None:
    """A class number of nine digits is one line and takes no memory; with names it is an unknown class."""
    write_image(tmp_path / "images/a.jpg")
    write_file(tmp_path / "labels/a.txt", "999999999 .5 .5 .1 .1")
    with pytest.raises(DataError, match="line 1: class 999999999 is beyond 32,766"):
        load_dataset(tmp_path)
    write_file(tmp_path / "classes.txt", "a\n")
    with pytest.raises(DataError, match="class '999999999' is not one of 0"):
        load_dataset(tmp_path)


def test_equal_file_names(tmp_path: Path) -> None:
    """Folders by camera and images that differ in the suffix alone get ids from their paths; training may start."""
    for name in ("train/cam1/0.jpg", "train/cam2/0.jpg", "train/cam2/0.png", "train/1.jpg"):
        write_image(tmp_path / "images" / name)
        write_file(tmp_path / "labels" / Path(name).with_suffix(".txt"), f"0 {BOX}")
    ids = [example.id for example in load_dataset(tmp_path)]
    assert sorted(ids) == ["1", "images/train/cam2/0.jpg", "images/train/cam2/0.png", "train/cam1/0"]
    assert check_dataset(tmp_path).ok


def test_lists_of_images(tmp_path: Path) -> None:
    """Lines with backslashes, folders of other machines and UTF-16 are found; lines that lead out are left out."""
    root = data_set(tmp_path / "set", f"0 {BOX}", f"0 {BOX}", f"0 {BOX}")
    write_image(tmp_path / "outside.jpg")
    lines = "images\\0.jpg\r\n/content/x/images/1.jpg\r\n./images/2.jpg\r\n../outside.jpg\r\n/etc/passwd\r\n"
    write_file(root / "list.txt", lines.encode("utf-16"))
    write_file(root / "data.yaml", "train: list.txt\nnames: [cup]\n")
    data = load_dataset(root)
    assert [example.image.name for example in data] == ["0.jpg", "1.jpg", "2.jpg"]
    assert "2 images in lists are outside the data set, the first '../outside.jpg'" in data.problems[0]
    assert len(load_dataset(root, outside=True)) == 5
    write_file(root / "list.txt", b"images/\xff.jpg\n")
    with pytest.raises(DataError, match=r"list\.txt is not text in UTF-8"):
        load_dataset(root)


def test_paths_of_windows_in_data_yaml(tmp_path: Path) -> None:
    """A drive that is not here and backslashes against the folders beside data.yaml."""
    write_image(tmp_path / "images/train/a.jpg")
    write_file(tmp_path / "labels/train/a.txt", f"0 {BOX}")
    write_file(tmp_path / "data.yaml", "path: D:\\data\\cups\ntrain: images\\train\nnames: [cup]\n")
    assert load_dataset(tmp_path).num_objects == 1


def test_darknet_as_cvat_writes_it(tmp_path: Path) -> None:
    """obj.data with lists and names whose paths begin with a folder that is not here, against images and classes."""
    write_image(tmp_path / "obj_train_data/a.jpg", tmp_path / "obj_train_data/b.jpg")
    write_file(tmp_path / "obj_train_data/a.txt", f"1 {BOX}")
    write_file(tmp_path / "obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    write_file(tmp_path / "obj.names", "cup\nplate\n")
    write_file(tmp_path / "train.txt", "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n")
    data = load_dataset(tmp_path)
    assert (data.class_names, [len(example.labels) for example in data]) == (("cup", "plate"), [1, 0])
    assert load_dataset(tmp_path / "obj.data").class_names == data.class_names
    (tmp_path / "obj.names").unlink()
    with pytest.raises(DataError, match=r"obj\.data names its classes in data/obj\.names, which does not exist"):
        load_dataset(tmp_path)


def test_splits_without_images_and_label_files_that_block(tmp_path: Path) -> None:
    """HEIC images are named and the split is an error; a pipe as label file is an error and does not block."""
    write_file(tmp_path / "heic/images/a.HEIC", "x")
    write_file(tmp_path / "heic/labels/a.txt", f"0 {BOX}")
    result = check_dataset(tmp_path / "heic")
    kinds = {problem.kind: problem.message for problem in result.problems}
    assert "holds no image that can be read" in kinds["empty_split"]
    assert "1 images are skipped: .HEIC is not supported" in kinds["passed_over"]
    write_image(tmp_path / "pipe/images/a.jpg")
    (tmp_path / "pipe/labels").mkdir()
    os.mkfifo(tmp_path / "pipe/labels/a.txt")
    with pytest.raises(DataError, match=r"a\.txt: is not a regular file"):
        load_dataset(tmp_path / "pipe")


def test_linked_folders_of_images(tmp_path: Path) -> None:
    """Images and labels below links to folders elsewhere against two objects."""
    for name in ("one", "two"):
        write_image(tmp_path / f"store/{name}/images/{name}.jpg")
        write_file(tmp_path / f"store/{name}/labels/{name}.txt", f"0 {BOX}")
        for kind in ("images", "labels"):
            (tmp_path / "set" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "set" / kind / name).symlink_to(tmp_path / "store" / name / kind)
    data = load_dataset(tmp_path / "set")
    assert (len(data), data.num_objects) == (2, 2)
