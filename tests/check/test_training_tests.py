"""The check makes every test that training makes: "ok" means that training starts."""

import os
from pathlib import Path

import pytest

from data_set_files import coco_image, coco_json, coco_object, voc_xml, write_file, write_image
from multibox.check.check import check_dataset
from multibox.check.loaded import check_loaded
from multibox.data.load import choose_classes, load_dataset
from multibox.errors import DataError


def errors(root: Path, **options: str) -> set[str]:
    return {problem.kind for problem in check_dataset(root, **options).problems if problem.severity == "error"}


def training_refuses(root: Path) -> bool:
    """Whether the tests that training makes before its first step find an error."""
    try:
        return any(problem.severity == "error" for problem in check_loaded(load_dataset(root)))
    except DataError:
        return True


def test_objects_only_in_validation(tmp_path: Path) -> None:
    """A split for training without objects is an error, although the whole data set has some."""
    for split, objects in (("train", []), ("val", [coco_object()])):
        write_image(tmp_path / split / "a.jpg")
        write_file(tmp_path / f"annotations/instances_{split}.json", coco_json([coco_image()], objects))
    assert training_refuses(tmp_path)
    assert "no_objects" in errors(tmp_path)
    assert errors(tmp_path, split="val") == set()


def test_no_split_for_training(tmp_path: Path) -> None:
    """Two splits of which none is for training need a choice."""
    for split in ("one", "two"):
        write_image(tmp_path / split / "a.jpg")
        write_file(tmp_path / f"annotations/instances_{split}.json", coco_json([coco_image()], [coco_object()]))
    assert training_refuses(tmp_path)
    assert errors(tmp_path) == {"no_training_split"}
    assert errors(tmp_path, split="one") == set()


def test_an_empty_list(tmp_path: Path) -> None:
    """A list without names is an error for training."""
    write_image(tmp_path / "JPEGImages/a.jpg")
    write_file(tmp_path / "Annotations/a.xml", voc_xml())
    write_file(tmp_path / "ImageSets/Main/train.txt", "")
    assert training_refuses(tmp_path)
    assert "empty_split" in errors(tmp_path)


def test_boxes_that_are_all_dropped(tmp_path: Path) -> None:
    """Objects whose boxes have no extent are no objects to learn from."""
    write_image(tmp_path / "a.jpg")
    write_file(tmp_path / "a.xml", voc_xml().replace("<xmax>8", "<xmax>2").replace("<ymax>9", "<ymax>3"))
    assert training_refuses(tmp_path)
    assert "no_objects" in errors(tmp_path)


@pytest.mark.parametrize(("objects", "severity"), [(3, "error"), (10, "warning")])
def test_classes_that_differ_in_case(tmp_path: Path, objects: int, severity: str) -> None:
    """K and k: an error if rare, a warning if both are frequent or if the user names both."""
    for number in range(objects):
        write_image(tmp_path / f"{number}.jpg")
        write_file(tmp_path / f"{number}.txt", "0 .5 .5 .1 .1\n1 .2 .2 .1 .1\n")
    write_file(tmp_path / "classes.txt", "K\nk\n")
    found = {problem.kind: problem.severity for problem in check_dataset(tmp_path).problems}
    assert found["class_variants"] == severity
    assert training_refuses(tmp_path) == (severity == "error")
    chosen = choose_classes(load_dataset(tmp_path), classes=("K", "k"))
    assert not any(problem.severity == "error" for problem in check_loaded(chosen, classes_chosen=True))


def test_too_many_objects(tmp_path: Path) -> None:
    """An image with more objects than are read is an error of one line; 2,000 equal boxes take no time."""
    write_image(tmp_path / "a.jpg")
    write_file(tmp_path / "classes.txt", "cup\n")
    write_file(tmp_path / "a.txt", "0 .5 .5 .1 .1\n" * 20_001)
    with pytest.raises(DataError, match="has 20,001 objects; at most 20,000 an image are read"):
        load_dataset(tmp_path)
    assert errors(tmp_path) >= {"too_many_objects"}
    write_file(tmp_path / "a.txt", "0 .5 .5 .1 .1\n" * 2_000)
    assert sum(problem.kind == "duplicate_object" for problem in check_dataset(tmp_path).problems) == 1_999


def test_an_image_that_is_a_pipe(tmp_path: Path) -> None:
    """A pipe in place of an image, in the check and in what training checks, against a message that says so."""
    write_file(tmp_path / "annotations/instances_train.json", coco_json([coco_image()], [coco_object()]))
    (tmp_path / "train").mkdir()
    os.mkfifo(tmp_path / "train/a.jpg")
    problems = check_dataset(tmp_path).problems
    assert [problem.message for problem in problems if problem.kind == "undecodable"] == [
        "it is a pipe, a socket or a device; give a regular file"
    ]
    (loaded,) = (problem for problem in check_loaded(load_dataset(tmp_path)) if problem.kind == "undecodable")
    assert loaded.message == "the image is not a regular file; replace it or leave it out"
