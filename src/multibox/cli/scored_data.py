"""The data set that a command scores a detector on, with a message that says which images these are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from multibox.cli.console import say
from multibox.cli.default_split import say_default_split
from multibox.system.launcher import place

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset


def scored_data(
    data: Path, *, split: str | None, holdout: float | None, classes: Sequence[str] | None = None
) -> "Dataset":
    """The images of a split, or with `holdout` those that a training with this share holds out."""
    from multibox.data.load import load_dataset
    from multibox.data.validation import load_held_out

    if holdout is None:
        dataset = load_dataset(data, split=split, classes=classes)
        say_default_split(data, dataset.name, split=split)
        return dataset
    dataset, line = load_held_out(data, holdout, split=split, classes=classes)
    if place().first:
        say(line)
    return dataset
