"""The tuple of formats and their sources, against folders written here."""

import json
import os
from pathlib import Path

import pytest

from multibox.data.formats.files import Listing
from multibox.data.formats.format import Source
from multibox.data.formats.recognize import FORMATS, recognize
from multibox.data.formats.record import RawDataset
from multibox.errors import DataError, UsageError

XML = (
    "<annotation><size><width>9</width><height>9</height></size><object><name>cat</name><bndbox><xmin>1</xmin>"
    "<ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """A data set of each format with splits train and val, by the name of the format."""
    coco = json.dumps({"images": [], "annotations": [], "categories": []})
    for split in ("train", "val"):
        write(tmp_path / f"voc/ImageSets/Main/{split}.txt", "a\n")
        write(tmp_path / f"coco/annotations/instances_{split}2017.json", coco)
        write(tmp_path / f"yolo/images/{split}/a.jpg", "")
        write(tmp_path / f"ilsvrc/Annotations/DET/{split}/a.xml", XML)
    write(tmp_path / "voc/Annotations/a.xml", XML)
    (tmp_path / "yolo/labels").mkdir()
    return {name: tmp_path / name for name in ("voc", "coco", "yolo", "ilsvrc")}


def test_each_format_finds_its_own_data_set_only(folders: dict[str, Path]) -> None:
    """`find` of every format on every data set, against the format of the folder."""
    found = {(form.name, name) for form in FORMATS for name, folder in folders.items() if form.find(folder)}
    assert found == {(form.name, form.name) for form in FORMATS}


def test_splits_and_the_split_for_training(folders: dict[str, Path]) -> None:
    """Splits of each source, and the one that training takes, against the files written."""
    sources = {name: recognize(folder) for name, folder in folders.items()}
    years = ["train2017", "val2017"]
    assert {name: sorted(source.splits()) for name, source in sources.items()} == {
        name: years if name == "coco" else ["train", "val"] for name in folders
    }
    assert {source.training_split() for source in sources.values()} == {"train", "train2017"}
    assert {name for name, source in sources.items() if source.everything()} == {"voc"}


@pytest.mark.parametrize(
    ("name", "pipe"),
    [
        ("voc", "Annotations/b.xml"),
        ("voc", "ImageSets/Main/test.txt"),
        ("coco", "annotations/instances_test2017.json"),
        ("yolo", "images/train/b.jpg"),
        ("yolo", "data.yaml"),
        ("ilsvrc", "Annotations/DET/train/sub/b.xml"),
        ("ilsvrc", "ImageSets/DET/val.txt"),
    ],
)
def test_pipes_are_named(folders: dict[str, Path], name: str, pipe: str) -> None:
    """A pipe where each format looks for files against one warning about it."""
    path = folders[name] / pipe
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    problems = [problem for problem in recognize(folders[name]).scan("all").faults if problem.file == str(path)]
    assert [(problem.kind, problem.severity) for problem in problems] == [("passed_over", "warning")]
    assert "is a pipe or a device" in problems[0].message


class OneFile(Source):
    """A data set without splits."""

    def splits(self) -> list[str]:
        return []

    def read(self, split: str) -> RawDataset:
        return RawDataset(split, "one", (), {}, ())

    def listings(self, split: str) -> list[Listing]:
        return []


def test_a_source_without_splits() -> None:
    """Training and checking read "all" of a data set without splits."""
    assert OneFile(Path()).training_split() == OneFile(Path()).everything() == "all"


def test_counting_images_reads_lists_only(folders: dict[str, Path]) -> None:
    """Images of a split: the lines of VOC's list, unknown for other formats; an unknown split is an error."""
    for name, folder in folders.items():
        source = recognize(folder)
        assert source.count_images("train+val") == (2 if name == "voc" else None)
        with pytest.raises(DataError, match=r"split 'night' does not exist in .*; it has train"):
            source.count_images("night")


def test_several_splits_are_joined(folders: dict[str, Path]) -> None:
    """Records of "train+val" against those of both splits, for every format."""
    for folder in folders.values():
        source = recognize(folder)
        both = [record.image for split in ("train", "val") for record in source.scan(split).records]
        assert [record.image for record in source.scan("train+val").records] == both


def test_only_voc_has_a_pixel_rule(folders: dict[str, Path]) -> None:
    """An unknown rule is refused by VOC and ignored by the others; "caffe" keeps VOC's corners as written."""
    with pytest.raises(UsageError, match="pixel rule 'matlab' does not exist"):
        recognize(folders["voc"], pixel_rule="matlab")
    assert recognize(folders["coco"], pixel_rule="matlab").splits()
    boxes = [
        recognize(folders["voc"], pixel_rule=rule).scan("train").records[0].objects[0].box for rule in ("voc", "caffe")
    ]
    assert boxes == [(0, 0, 9, 9), (1, 1, 9, 9)]
