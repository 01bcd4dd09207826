"""Converted folders: complete or absent, nothing from outside, names that other programs read."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from data_set_files import coco_image, coco_json, coco_object, voc_xml, write_file, write_image
from multibox.data.dataset import Dataset, Example
from multibox.data.formats.convert import convert
from multibox.data.load import load_dataset
from multibox.errors import DataError


def one_box(image: Path, name: str = "1") -> Example:
    flags, labels = np.zeros(1, bool), np.zeros(1, np.int64)
    return Example(image, np.float32([[1, 2, 9, 9]]), labels, flags, flags, name)


def test_class_names_in_data_yaml(tmp_path: Path) -> None:
    """Names with backslashes, quotes, words and numbers against what PyYAML reads; there is no `path`."""
    names = ("km\\h", "tab\\new", 'driver\'s "seat"', "yes", "1.0", "a: b", " #c", "é安", "-")
    write_image(tmp_path / "a.jpg")
    convert(Dataset("x", names, (one_box(tmp_path / "a.jpg"),)), to="yolo", out=tmp_path / "out")
    document = yaml.safe_load((tmp_path / "out/data.yaml").read_text("utf-8"))
    assert document == {"train": "images/train", "names": dict(enumerate(names))}
    data = load_dataset(tmp_path / "out")
    assert data.class_names == tuple(name.strip() for name in names)


@pytest.mark.parametrize("to", ["voc", "coco", "yolo"])
def test_names_with_spaces_round_trip(tmp_path: Path, to: str) -> None:
    """Images `cell (1)` and so on, written and read again, against three images."""
    images = [tmp_path / f"cell ({number}).jpg" for number in range(3)]
    write_image(*images)
    data = Dataset("x", ("cat",), tuple(one_box(image, image.stem) for image in images))
    convert(data, to=to, out=tmp_path / "out")
    read = load_dataset(tmp_path / "out")
    assert sorted(example.image.name for example in read) == [image.name for image in images]
    assert all(example.image.is_file() for example in read)


@pytest.mark.parametrize("to", ["voc", "coco", "yolo"])
def test_names_that_are_not_utf8(tmp_path: Path, to: str) -> None:
    """A file name that is not UTF-8 is one line with the name, and nothing is left behind."""
    image = tmp_path / os.fsdecode(b"\xff.png")
    write_image(tmp_path / "a.png")
    (tmp_path / "a.png").rename(image)
    with pytest.raises(DataError, match="is not UTF-8; rename it") as caught:
        convert(Dataset("x", ("cat",), (one_box(image),)), to=to, out=tmp_path / "out")
    str(caught.value).encode()
    assert os.listdir(tmp_path) == [image.name]


def test_only_images_are_copied(tmp_path: Path) -> None:
    """A text file that a COCO file names as an image is not copied, not even with the option for files outside."""
    write_image(tmp_path / "set/ok.jpg")
    write_file(tmp_path / "secret", "password")
    images = [coco_image(1, "ok.jpg"), coco_image(2, "../secret"), coco_image(3, "notes.jpg")]
    write_file(tmp_path / "set/notes.jpg", "no image")
    write_file(tmp_path / "set/a.json", coco_json(images, [coco_object()]))
    for outside, number in ((False, 1), (True, 2)):
        out = tmp_path / f"out{number}"
        lines = convert(load_dataset(tmp_path / "set", outside=outside), to="voc", out=out)
        assert os.listdir(out / "JPEGImages") == ["ok.jpg"]
        assert f"{number} file{'s' if number > 1 else ''} not copied, the first" in lines[-1]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """An image without a size stops the conversion; the folder is absent, and an empty one stays empty."""
    (tmp_path / "out").mkdir()
    data = Dataset("x", ("cat",), (one_box(tmp_path / "none.jpg"),))
    with pytest.raises(DataError, match="is missing and its annotation has no size"):
        convert(data, to="yolo", out=tmp_path / "out")
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == []


def test_a_killed_conversion(tmp_path: Path) -> None:
    """After a kill the folder is absent; the next run removes the remains and writes it whole."""
    code = (
        "import sys, time; from pathlib import Path; from multibox.system.atomic import atomic_folder\n"
        "with atomic_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'labels').mkdir(); print('ready', flush=True); time.sleep(60)\n"
    )
    out = tmp_path / "set"
    with subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
    assert not out.exists()
    write_image(tmp_path / "a.jpg")
    convert(Dataset("x", ("cat",), (one_box(tmp_path / "a.jpg"),)), to="yolo", out=out)
    assert sorted(os.listdir(tmp_path)) == ["a.jpg", "set"]
    assert sorted(os.listdir(out)) == ["data.yaml", "images", "labels"]


def test_voc_names_the_folder(tmp_path: Path) -> None:
    """The tag <folder> is the name of the folder given, not of the one that is written first."""
    write_image(tmp_path / "a.jpg")
    write_file(tmp_path / "a.xml", voc_xml())
    convert(load_dataset(tmp_path), to="voc", out=tmp_path / "cups")
    assert "<folder>cups</folder>" in (tmp_path / "cups/Annotations/a.xml").read_text()
