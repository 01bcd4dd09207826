"""The images that score a training, for evaluation afterwards."""

from pathlib import Path

import pytest

from multibox.data.load import load_dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.data.validation import load_held_out
from multibox.errors import UsageError
from multibox.experiments.data import load_run_data
from multibox.experiments.recipe import with_holdout
from multibox.experiments.recipes import find_recipe
from multibox.size import Size


def ids(dataset) -> set[str]:
    return {example.id for example in dataset}


def test_as_in_training(tmp_path: Path) -> None:
    """The held-out images against those that a run with the same share scores itself with."""
    write_scenes(tmp_path, count=15, seed=0, size=Size(80, 96), split="train")
    run = load_run_data(with_holdout(find_recipe("quick"), 0.3), tmp_path)
    held, line = load_held_out(tmp_path, 0.3)
    assert run.validation is not None
    assert ids(held) == ids(run.validation)
    assert not ids(held) & ids(run.train)
    assert line == f"evaluating on {len(held)} of 15 images of {load_dataset(tmp_path).name}, held out by content"
    with pytest.raises(UsageError, match="cannot be held out"):
        load_held_out(tmp_path, 1.5)


def test_a_split_of_its_own(tmp_path: Path) -> None:
    """With a validation split that split is evaluated, with the chosen classes, as in training."""
    write_scenes(tmp_path, count=6, seed=0, size=Size(80, 96), split="train")
    write_scenes(tmp_path, count=4, seed=1, size=Size(80, 96), split="val")
    names = load_dataset(tmp_path).class_names[:2]
    held, line = load_held_out(tmp_path, 0.3, classes=names)
    assert ids(held) == ids(load_dataset(tmp_path, split="val"))
    assert held.class_names == names
    assert "val, which scores a training in place of held-out images" in line
