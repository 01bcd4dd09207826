"""The images that a run trains on, and those that score it."""

from dataclasses import dataclass
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.holdout import hold_out
from multibox.data.load import choose_classes, load_dataset
from multibox.data.validation import own_validation
from multibox.errors import UsageError
from multibox.experiments.recipe import Recipe


@dataclass(frozen=True)
class RunData:
    """`validation` is None for a run without a score; `line` says where it comes from if the recipe does not."""

    train: Dataset
    validation: Dataset | None
    line: str | None = None


def load_run_data(recipe: Recipe, data: Path | str | Dataset) -> RunData:
    """Read the splits that the recipe names, or hold out a share of the images.

    `holdout` of the recipe applies if the data set has no split for validation whose images training does not see.
    Raises UsageError if an in-memory data set would need a split.
    """
    train = _load(recipe, data, split=recipe.train_split)
    if recipe.validation_split is not None:
        if isinstance(data, Dataset):
            raise UsageError("a recipe with a validation split needs the path of a data set, not one in memory")
        return RunData(train, _load(recipe, data, split=recipe.validation_split))
    if not recipe.holdout:
        return RunData(train, None)
    if not isinstance(data, Dataset):
        own = own_validation(data, train, load=lambda name: _load(recipe, data, split=name))
        if own is not None:
            return RunData(train, own, f"validating on {own.name}, so nothing is held out")
    parts = hold_out(train, recipe.holdout)
    return RunData(parts.train, parts.held, parts.line)


def _load(recipe: Recipe, data: Path | str | Dataset, *, split: str | None) -> Dataset:
    dataset = data if isinstance(data, Dataset) else load_dataset(data, split=split, pixel_rule=recipe.pixel_rule)
    return dataset if recipe.classes is None else choose_classes(dataset, classes=recipe.classes)
