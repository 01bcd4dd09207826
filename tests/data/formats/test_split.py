"""Lists that split a data set, in each format."""

from pathlib import Path

import pytest

from devkit import write_devkit
from multibox.data.formats.convert import convert
from multibox.data.formats.split import split_lists
from multibox.data.holdout import hold_out
from multibox.data.load import load_dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.errors import DataError, UsageError
from multibox.size import Size


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    write_scenes(tmp_path / "scenes", count=9, seed=0, size=Size(80, 96), split="trainval")
    return tmp_path / "scenes"


def names(path: Path, split: str | None = None) -> set[str]:
    return {example.image.stem for example in load_dataset(path, split=split)}


@pytest.mark.parametrize("form", ["voc", "coco", "yolo"])
def test_the_lists_are_splits(scenes: Path, tmp_path: Path, form: str) -> None:
    """Written lists, read again as splits, against the parts that training holds out."""
    data = tmp_path / form
    split = "train" if form == "yolo" else "trainval"
    convert({split: load_dataset(scenes)}, to=form, out=data)
    parts = hold_out(load_dataset(data), 0.4)
    result = split_lists(data, share=0.4)
    assert result.images == {"train": len(parts.train), "val": len(parts.held)}
    written = data / "split.yaml" if form == "yolo" else data
    assert names(written, "train") == {example.image.stem for example in parts.train}
    assert names(written, "val") == {example.image.stem for example in parts.held}
    assert load_dataset(written, split="val").class_names == load_dataset(data).class_names
    with pytest.raises((UsageError, DataError), match=r"exists"):
        split_lists(data, share=0.4)


def test_several_years(tmp_path: Path) -> None:
    """A devkit of two years gets a list in each; the names of the images stay apart."""
    kit = write_devkit(tmp_path / "VOCdevkit", years={"2007": {"train": 4}, "2012": {"train": 5}})
    result = split_lists(kit, share=0.4, names=("small", "rest"))
    assert sum(result.images.values()) == 9
    assert all(path.parent.name == "Main" for path in result.files)
    assert len(load_dataset(kit, split="small")) == result.images["small"]
    assert len(load_dataset(kit, split="small+rest")) == 9


def test_another_folder(scenes: Path, tmp_path: Path) -> None:
    """--out receives the files with their paths inside the data set, which stays as it was."""
    before = sorted(scenes.rglob("*"))
    result = split_lists(scenes, share=0.4, out=tmp_path / "lists")
    assert sorted(scenes.rglob("*")) == before
    assert [path.relative_to(tmp_path / "lists").as_posix() for path in result.files] == [
        "ImageSets/Main/train.txt",
        "ImageSets/Main/val.txt",
    ]
    again = split_lists(scenes, share=0.4, out=tmp_path / "lists", force=True)
    assert again == result


@pytest.mark.parametrize(
    "wrong", [("a", "a"), ("a",), ("a", "../b"), ("all", "b"), ("a", ""), ("a:b", "c"), ("a", "b", "c")]
)
def test_wrong_names(scenes: Path, wrong: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="cannot be those of two splits"):
        split_lists(scenes, share=0.4, names=wrong)


def test_a_split_that_exists(scenes: Path) -> None:
    """A name that the data set uses is not taken."""
    with pytest.raises(DataError, match="split 'trainval' already exists"):
        split_lists(scenes, share=0.4, names=("trainval", "val"))
