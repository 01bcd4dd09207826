"""`multibox data split`, `data check --holdout` and `train --holdout`."""

import json
from pathlib import Path

import pytest

from devkit import tiny_settings, write_devkit
from multibox.data.load import load_dataset


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    return write_devkit(tmp_path / "VOCdevkit", years={"2007": {"trainval": 6}})


def test_the_files_and_the_printed_line(multibox, devkit: Path):
    """The lists against the printed names and numbers; training and check use the same images."""
    found = multibox("data", "split", devkit, "--share", "0.4")
    numbers = {split: len(load_dataset(devkit, split=split)) for split in ("train", "val")}
    home = devkit / "VOC2007/ImageSets/Main"
    counts = ", ".join(f"{split} {n} image{'s' * (n > 1)}" for split, n in numbers.items())
    assert found.out == f"{home / 'train.txt'}, {home / 'val.txt'}: {counts}\n"
    again = multibox("data", "split", devkit, "--share", "0.4", "--names", "a,b", "--json")
    assert json.loads(again.out)["images"] == {"a": numbers["train"], "b": numbers["val"]}
    checked = multibox("data", "check", devkit, "--holdout", "0.4", "--json")
    assert json.loads(checked.out)["holdout"]["train"] == numbers["train"]


def test_a_training(multibox, devkit: Path, tmp_path: Path):
    """--holdout in a run: one line about the images, and scores."""
    settings = [word for setting in tiny_settings() for word in ("--set", setting)]
    words = ("--data", devkit, "--out", tmp_path / "run", *settings)
    found = multibox("train", "quick", *words, "--holdout", "0.4", "--json")
    assert found.code == 0
    assert found.err.count("holding out") == 1
    assert json.loads(found.out)["score"] is not None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data", "split", "KIT", "--share", "2"), "a share of 2 cannot be held out"),
        (("data", "split", "KIT", "--names", "trainval,val"), "split 'trainval' already exists"),
        (("data", "split", "KIT", "--names", "one"), "cannot be those of two splits"),
        (("data", "split", "nowhere"), "nowhere does not exist"),
        (("data", "check", "KIT", "--holdout", "2"), "a share of 2 cannot be held out"),
        (("train", "quick", "--data", "KIT", "--out", "OUT", "--holdout", "2"), "holdout=2 must be 0, or a share"),
    ],
)
def test_mistakes_are_one_line(multibox, devkit: Path, tmp_path: Path, words: tuple[str, ...], message: str):
    """Wrong options against their message; nothing is written."""
    places = {"KIT": devkit, "OUT": tmp_path / "out"}
    before = sorted(tmp_path.rglob("*"))
    found = multibox(*(places.get(word, word) for word in words))
    assert found.code in (1, 2)
    assert message in found.err
    assert "Traceback" not in found.err
    assert sorted(tmp_path.rglob("*")) == before
