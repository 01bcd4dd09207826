"""`multibox data convert`: a data set in another format."""

import json
from pathlib import Path

import pytest

from devkit import write_devkit
from multibox.data.load import load_splits


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    return write_devkit(tmp_path / "VOCdevkit", years={"2007": {"train": 2, "test": 1}})


@pytest.mark.parametrize("to", ["voc", "coco", "yolo"])
def test_every_split_is_written(multibox, devkit: Path, tmp_path: Path, to: str):
    """Splits, images and objects of the written data set against the original; links instead of copies."""
    found = multibox("data", "convert", devkit, "--to", to, "-o", tmp_path / "out", "--files", "link", "--json")
    assert found.code == 0
    assert json.loads(found.out)["splits"] == {"test": 1, "train": 2}
    before, after = load_splits(devkit), load_splits(tmp_path / "out")
    assert {name: len(data) for name, data in after.items()} == {name: len(data) for name, data in before.items()}
    assert all(example.image.is_symlink() for data in after.values() for example in data)


def test_one_split_and_the_line_about_it(multibox, devkit: Path, tmp_path: Path):
    """A split by name against the printed line and the only file written."""
    out = tmp_path / "out"
    found = multibox("data", "convert", devkit, "--to", "coco", "--out", out, "--split", "2007:test", "--files", "none")
    assert found.out == f"{out}: 2007:test 1 images as coco\n"
    assert [path.name for path in out.rglob("*.*")] == ["instances_2007:test.json"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "tfrecord"), "format 'tfrecord' cannot be written; choose one of voc, coco, yolo"),
        (("--to", "coco", "--split", "night"), "split 'night' does not exist"),
        (("--to", "coco", "--files", "move"), "'move' is not one of"),
    ],
)
def test_mistakes_are_one_line(multibox, devkit: Path, tmp_path: Path, words: tuple[str, ...], message: str):
    """Wrong options against the message with the correct ones; nothing is written."""
    found = multibox("data", "convert", devkit, *words, "--out", tmp_path / "out")
    assert found.code in (1, 2)
    assert message in found.err
    assert not (tmp_path / "out").exists()
