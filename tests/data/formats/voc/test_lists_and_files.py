"""VOC lists and XML files of other tools: names with spaces, encodings, capitals, equal names, odd files."""

import os
from pathlib import Path

import pytest

from data_set_files import voc_xml, write_file, write_image
from multibox.check.check import check_dataset
from multibox.data.load import load_dataset
from multibox.errors import DataError


def data_set(root: Path, *names: str) -> Path:
    for name in names:
        write_image(root / f"JPEGImages/{name}.jpg")
        write_file(root / f"Annotations/{name}.xml", voc_xml())
    return root


def test_names_with_spaces_in_lists(tmp_path: Path) -> None:
    """A whole line is the name if there is such an XML file; flags, suffixes and folders are read."""
    root = data_set(tmp_path, "cell (1)", "cell (2)", "b -1", "a", "c")
    lines = "cell (1)\r\ncell (2)  1\r\nb -1\r\na.jpg\r\nJPEGImages/c.jpg\r\n"
    write_file(root / "ImageSets/Main/train.txt", lines)
    assert [example.id for example in load_dataset(root)] == ["cell (1)", "cell (2)", "b -1", "a", "c"]
    write_file(root / "ImageSets/Main/dog_train.txt", "cell (1) -1\ncell (2)  1\na -1\nc  0\n")
    assert [example.id for example in load_dataset(root, split="dog_train")] == ["cell (2)", "c"]


def test_lists_that_lead_out(tmp_path: Path) -> None:
    """A line with ../ does not open the file there, even if it exists."""
    root = data_set(tmp_path / "set", "a")
    write_file(tmp_path / "outside.xml", voc_xml())
    write_file(root / "ImageSets/Main/train.txt", "a\n../../outside\n")
    with pytest.raises(DataError, match=r"lists '\.\./\.\./outside', which is no name or outside the annotations"):
        load_dataset(root)


@pytest.mark.parametrize("encoding", ["gb2312", "shift_jis", "euc-kr", "big5", "utf-16", "windows-1251", "utf-8"])
def test_declared_encodings(tmp_path: Path, encoding: str) -> None:
    """A class name in the encoding that the file declares against the name."""
    name = {"euc-kr": "헬멧", "windows-1251": "каска", "big5": "安全"}.get(encoding, "安全")
    text = voc_xml(name, head=f'<?xml version="1.0" encoding="{encoding}"?>')
    write_image(tmp_path / "a.jpg")
    write_file(tmp_path / "a.xml", text.encode(encoding))
    assert load_dataset(tmp_path).class_names == (name,)
    write_file(tmp_path / "a.xml", voc_xml(head='<?xml version="1.0" encoding="klingon"?>'))
    with pytest.raises(DataError, match="declares the encoding 'klingon', which is unknown"):
        load_dataset(tmp_path)


def test_flags_and_deleted_objects(tmp_path: Path) -> None:
    """difficult as a number or a word, and LabelMe's deleted objects, against the flags; other words are errors."""
    for text, expected in (("1", [True]), ("0.0", [False]), ("True", [True]), ("Unspecified", [False])):
        write_file(tmp_path / "a.xml", voc_xml().replace("<name>", f"<difficult>{text}</difficult><name>"))
        write_image(tmp_path / "a.jpg")
        assert load_dataset(tmp_path)[0].difficult.tolist() == expected
    write_file(tmp_path / "a.xml", voc_xml().replace("<name>", "<difficult>maybe</difficult><name>"))
    with pytest.raises(DataError, match=r"object 1 \(dog\): <difficult> is 'maybe'; a flag is 0 or 1"):
        load_dataset(tmp_path)
    deleted = "<object><name>dog</name><deleted>1</deleted><polygon/></object></annotation>"
    write_file(tmp_path / "a.xml", voc_xml().replace("</annotation>", deleted))
    assert load_dataset(tmp_path).num_objects == 1


def test_pipes_and_devices_are_passed_over(tmp_path: Path) -> None:
    """A pipe and a link to a device among the annotations give a warning and do not block; in a list an error."""
    root = data_set(tmp_path, "a")
    os.mkfifo(root / "Annotations/b.xml")
    (root / "Annotations/c.xml").symlink_to("/dev/zero")
    data = load_dataset(root)
    assert (len(data), [Path(line.partition(":")[0]).name for line in data.problems]) == (1, ["b.xml", "c.xml"])
    write_file(root / "ImageSets/Main/train.txt", "a\nb\n")
    with pytest.raises(DataError, match=r"b\.xml: is not a regular file"):
        load_dataset(root)


def test_equal_names_in_split_folders(tmp_path: Path) -> None:
    """Roboflow's folders with equal names, all together: ids from the folders, and a check that finds no error."""
    for split in ("train", "valid"):
        write_image(tmp_path / split / "0.jpg", tmp_path / split / "1.jpg")
        write_file(tmp_path / split / "0.xml", voc_xml())
        write_file(tmp_path / split / "1.xml", voc_xml())
    ids = [example.id for example in load_dataset(tmp_path, split="all")]
    assert ids == ["train/0", "train/1", "valid/0", "valid/1"]
    assert check_dataset(tmp_path, split="all").ok
