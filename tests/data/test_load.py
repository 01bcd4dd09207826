"""Loading, renaming, choosing and joining data sets, against folders written here."""

from pathlib import Path

import pytest

from multibox.data.classes.ilsvrc import ILSVRC_NAMES
from multibox.data.formats.recognize import FORMATS
from multibox.data.load import choose_classes, join, load_dataset, load_splits
from multibox.errors import DataError, UsageError


def xml(path: Path, *names: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    objects = "".join(f"<object><name>{name}</name>{box}</object>" for name in names)
    size = "<size><width>50</width><height>40</height></size>"
    path.write_text(f"<annotation>{size}{objects}</annotation>")


def test_rename_merges_and_classes_choose(tmp_path: Path) -> None:
    """Two classes with one new name against one class; `classes` keeps some, in order, and drops other objects."""
    xml(tmp_path / "Annotations/a.xml", "lorry", "truck", "bird")
    xml(tmp_path / "Annotations/b.xml", "bird")
    merged = load_dataset(tmp_path, rename={"lorry": "truck"})
    assert merged.class_names == ("bird", "truck")
    assert merged[0].labels.tolist() == [1, 1, 0]
    chosen = load_dataset(tmp_path, rename={"lorry": "big", "truck": "big"}, classes=["big"])
    assert chosen.class_names == ("big",)
    assert [example.labels.tolist() for example in chosen] == [[0, 0], []]
    with pytest.raises(UsageError, match=r"class 'plane' does not exist in .*; it has bird, lorry, truck"):
        choose_classes(load_dataset(tmp_path), classes=["plane"])


def test_join(tmp_path: Path) -> None:
    """Classes of two data sets against their union by name; equal ids get the name of their data set."""
    xml(tmp_path / "one/Annotations/a.xml", "cat", "dog")
    xml(tmp_path / "two/Annotations/a.xml", "dog", "ant")
    xml(tmp_path / "two/Annotations/b.xml", "ant")
    both = join(load_dataset(tmp_path / "one"), load_dataset(tmp_path / "two"))
    assert both.class_names == ("cat", "dog", "ant")
    assert [example.labels.tolist() for example in both] == [[0, 1], [1, 2], [2]]
    assert [example.id for example in both] == ["one all/a", "two all/a", "b"]
    with pytest.raises(UsageError, match="join was given no data set"):
        join()


def test_every_split(tmp_path: Path) -> None:
    """Splits by name without trainval, and all images of a data set without splits as "train"."""
    for name in ("a", "b", "c"):
        xml(tmp_path / f"d/Annotations/{name}.xml", "cat")
    assert {name: len(data) for name, data in load_splits(tmp_path / "d").items()} == {"train": 3}
    (tmp_path / "d/ImageSets/Main").mkdir(parents=True)
    for split, text in (("train", "a"), ("val", "b"), ("trainval", "a\nb"), ("test", "c")):
        (tmp_path / f"d/ImageSets/Main/{split}.txt").write_text(text)
    assert {name: len(data) for name, data in load_splits(tmp_path / "d").items()} == {"test": 1, "train": 1, "val": 1}


def test_nothing_recognized(tmp_path: Path) -> None:
    """An empty folder, a text file and a missing path against one line that names what was looked for."""
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(DataError, match=r"is not a known data set.*; looked for") as caught:
            load_dataset(path)
        assert all(form.layout in str(caught.value) for form in FORMATS)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="does not exist; give the folder or annotation file"):
        load_dataset(tmp_path / "nowhere")


def test_ilsvrc(tmp_path: Path) -> None:
    """Synsets in the challenge's order, lists with -1, folders, train+val1 and unchanged corners, against the files."""
    home = tmp_path / "ILSVRC"
    notes, lists = home / "Annotations/DET", home / "ImageSets/DET"
    xml(notes / "train/n01/n01_1.xml", "n02691156")
    xml(notes / "train/n01/n01_2.xml", "n02672831")
    xml(notes / "val/v_1.xml", "n02391049")
    xml(notes / "val/v_2.xml")
    lists.mkdir(parents=True)
    (lists / "val1.txt").write_text("v_1 1\n")
    (lists / "train_1.txt").write_text("n01/n01_1 -1\nn01/n01_2 1\n")
    data = load_dataset(tmp_path, split="train+val1")
    assert [example.id for example in data] == ["n01_1", "n01_2", "v_1"]
    assert [int(example.labels[0]) for example in data] == [1, 0, 199]
    assert data[0].boxes.tolist() == [[1, 1, 9, 9]]
    assert data[2].image == home / "Data/DET/val/v_1.JPEG"
    assert [example.id for example in load_dataset(home, split="train_1")] == ["n01_2"]
    assert len(load_dataset(tmp_path)) == 2
    assert load_dataset(tmp_path, split="val", rename=ILSVRC_NAMES).class_names[:2] == ("accordion", "airplane")
    with pytest.raises(DataError, match=r"split 'night' does not exist in .*; it has train, val, val1"):
        load_dataset(home, split="night")
