"""VOC data sets against tags counted in the text, and against small folders written here."""

import re
from pathlib import Path

import numpy as np
import pytest

from multibox.data.classes.voc import VOC_CLASSES
from multibox.data.formats.voc.source import read_voc
from multibox.errors import DataError, UsageError
from shared_data import shared


def write_xml(path: Path, objects: str, *, size: str = "<size><width>50</width><height>40</height></size>") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<annotation><filename>{path.stem}.jpg</filename>{size}{objects}</annotation>")


def xml_object(name: str, *box: float, extra: str = "") -> str:
    sides = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name>{extra}<bndbox>{sides}</bndbox></object>"


def listing(path: Path, *names: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(names) + "\n")


@pytest.mark.parametrize("folder", ["bccd", "voc_100/VOC2012", "voc_animals/VOC2012"])
def test_counts_of_objects_against_counted_tags(folder: str) -> None:
    """Objects, difficult objects and images against the number of tags in the text of the files."""
    root = shared(f"data/{folder}")
    texts = [path.read_text() for path in (root / "Annotations").glob("*.xml")]
    data = read_voc(root, split="all")
    assert len(data) == len(texts)
    assert data.num_objects + len(data.problems) == sum(text.count("<object>") for text in texts)
    difficult = sum(len(re.findall(r"<difficult>1", text)) for text in texts)
    assert sum(int(example.difficult.sum()) for example in data) == difficult
    assert all(example.image.is_file() for example in data)


def test_bccd_degenerate_boxes_are_dropped_and_named() -> None:
    """The two single-pixel boxes of BCCD against the lines in `problems`: file, object and values."""
    data = read_voc(shared("data/bccd"), split="all")
    assert data.class_names == ("Platelets", "RBC", "WBC")
    assert [line.rpartition("/")[2] for line in data.problems] == [
        "BloodImage_00338.xml, object 13 (RBC): box (504, 337, 504, 337) has no width or height; dropped",
        "BloodImage_00343.xml, object 4 (RBC): box (181, 329, 181, 329) has no width or height; dropped",
    ]


def test_pixel_rules(tmp_path: Path) -> None:
    """Corners 1 to 50 of an image of width 50 against 0 to 50 by "voc" and 1 to 50 by "caffe"."""
    write_xml(tmp_path / "Annotations/a.xml", xml_object("cup", 1, 2, 50, 40))
    voc, caffe = (read_voc(tmp_path, split="all", pixel_rule=rule)[0].boxes for rule in ("voc", "caffe"))
    np.testing.assert_array_equal(voc, [[0, 1, 50, 40]])
    np.testing.assert_array_equal(caffe, [[1, 2, 50, 40]])
    with pytest.raises(UsageError, match="pixel rule 'matlab' does not exist; choose one of voc, caffe"):
        read_voc(tmp_path, split="all", pixel_rule="matlab")


def test_boxes_are_clipped_or_dropped(tmp_path: Path) -> None:
    """Boxes across the border are clipped; boxes outside, swapped or without extent are dropped with a reason."""
    boxes = [(-5, 10, 90, 20), (60, 1, 70, 9), (20, 1, 10, 9), (7, 7, 7, 7), (7, 7, 7, 9)]
    write_xml(tmp_path / "Annotations/a.xml", "".join(xml_object("cup", *box) for box in boxes))
    data = read_voc(tmp_path, split="all")
    np.testing.assert_array_equal(data[0].boxes, [[0, 9, 50, 20], [6, 6, 7, 9]])
    reasons = ["is entirely outside the image", "has swapped corners", "has no width or height"]
    assert [any(f"object {n} (cup)" in line for line in data.problems) for n in (2, 3, 4)] == [True] * 3
    assert all(reason in line for reason, line in zip(reasons, data.problems, strict=True))


def test_class_names(tmp_path: Path) -> None:
    """VOC's 20 classes in a year folder without other names; else sorted names of the folder, or given names."""
    year, plain = tmp_path / "VOCdevkit/VOC2007", tmp_path / "plain"
    for root in (year, plain):
        write_xml(root / "Annotations/a.xml", xml_object("dog", 1, 1, 9, 9))
        write_xml(root / "Annotations/b.xml", xml_object("cat", 1, 1, 9, 9))
        listing(root / "ImageSets/Main/train.txt", "a")
    assert read_voc(tmp_path, split="train").class_names == VOC_CLASSES
    assert read_voc(plain, split="train").class_names == ("cat", "dog")
    assert read_voc(plain, split="train", class_names=["x", "dog"])[0].labels.tolist() == [1]
    with pytest.raises(DataError, match=r"a.xml, object 1: class 'dog' is not one of cat; give"):
        read_voc(plain, split="train", class_names=["cat"])
    write_xml(year / "Annotations/c.xml", xml_object("wolf", 1, 1, 9, 9))
    assert read_voc(year, split="train").class_names == ("cat", "dog", "wolf")


def test_years_together(tmp_path: Path) -> None:
    """Splits of several years, with and without years in the name; equal ids of two years stay different."""
    for year in ("2007", "2012"):
        root = tmp_path / f"VOC{year}"
        for name in ("a", f"b{year}"):
            write_xml(root / f"Annotations/{name}.xml", xml_object("dog", 1, 1, 9, 9))
        listing(root / "ImageSets/Main/trainval.txt", "a", f"b{year}")
        listing(root / "ImageSets/Main/dog_trainval.txt", "a  1", f"b{year} -1")
    listing(tmp_path / "VOC2007/ImageSets/Main/test.txt", "a")
    both = ["VOC2007/a", "b2007", "VOC2012/a", "b2012"]
    assert [example.id for example in read_voc(tmp_path, split="trainval")] == both
    assert [example.id for example in read_voc(tmp_path, split="2007:trainval+2012:trainval")] == both
    assert [example.id for example in read_voc(tmp_path, split="2012:trainval")] == ["a", "b2012"]
    assert len(read_voc(tmp_path, split="test")) == 1
    assert [example.id for example in read_voc(tmp_path, split="2012:dog_trainval")] == ["a"]
    with pytest.raises(DataError, match=r"split 'val' does not exist in .*; it has test, trainval, all"):
        read_voc(tmp_path, split="val")
    with pytest.raises(DataError, match=r"year '2009' is not in .*; it has 2007, 2012"):
        read_voc(tmp_path, split="2009:trainval")


def test_a_year_of_a_folder_without_years(tmp_path: Path) -> None:
    """A split of a year in one folder without a year against the message that there are no years."""
    write_xml(tmp_path / "Annotations/a.xml", xml_object("dog", 1, 1, 9, 9))
    listing(tmp_path / "ImageSets/Main/trainval.txt", "a")
    with pytest.raises(DataError, match=r"year '2007' is not in .*; it has no folder of a year$"):
        read_voc(tmp_path, split="2007:trainval")


def test_split_folders_and_missing_tags(tmp_path: Path) -> None:
    """Folders train and valid with XML beside the images: no size, no difficult flag, a size of 0 and other tags."""
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    write_xml(tmp_path / "train/a.xml", xml_object("dog", 1, 1, 90, 90, extra=part), size="")
    write_xml(tmp_path / "valid/b.xml", "", size="<size><width>0</width><height>0</height></size>")
    train, valid = read_voc(tmp_path, split="train"), read_voc(tmp_path, split="valid")
    assert train[0].size is None
    assert valid[0].size is None
    np.testing.assert_array_equal(train[0].boxes, [[0, 0, 90, 90]])
    assert not train[0].difficult.any()
    assert valid[0].boxes.shape == (0, 4)
    assert train.class_names == ("dog",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><object>", r"a\.xml: cannot be read as XML \(no element found"),
        ("<annotation><object><name>x</name></object></annotation>", r"a\.xml, object 1 \(x\): has no <bndbox>"),
        (
            f"<annotation>{xml_object('x', 1, 2, 3, 4).replace('>3<', '>three<')}</annotation>",
            "<xmax> is 'three', which",
        ),
        (f"<annotation>{xml_object('', 1, 2, 3, 4)}</annotation>", r"object 1 \(no name\): has no <name>"),
    ],
)
def test_broken_files_are_one_line_errors(tmp_path: Path, text: str, message: str) -> None:
    """Truncated XML, a missing box, a word as a number and a missing name: a line with file and object."""
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_voc(tmp_path, split="all")
    assert "\n" not in str(caught.value)


def test_listed_file_that_does_not_exist_and_no_data_set(tmp_path: Path) -> None:
    """A split that lists a missing XML file, and a folder without XML files, against their messages."""
    with pytest.raises(DataError, match="is not a VOC data set"):
        read_voc(tmp_path)
    write_xml(tmp_path / "Annotations/a.xml", "")
    listing(tmp_path / "ImageSets/Main/train.txt", "a", "b")
    with pytest.raises(DataError, match=r"b\.xml: the split lists this file, but it does not exist"):
        read_voc(tmp_path, split="train")
