"""A request to `multibox reproduce`, and the recipes, rows and data that it selects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from multibox.errors import UsageError
from multibox.experiments.recipe import Recipe, override
from multibox.experiments.recipes import RECIPES, find_recipe
from multibox.experiments.recipes.original import DATA, times, trained
from multibox.paper.splits import NeededSplit, find_split
from multibox.paper.tables import Row, Table, TestSet


@dataclass(frozen=True)
class Request:
    """`data` holds the data sets; `out` gets a folder for each recipe.

    `scale` shrinks the number of images and steps; `settings` change every recipe and are applied last. `train_split`
    and `test_split` replace the paper's splits.
    """

    data: Path
    out: Path
    scale: float = 1.0
    settings: tuple[str, ...] = ()
    train_split: str | None = None
    test_split: str | None = None
    workers: int = 0
    device: str | None = None

    @property
    def stamp(self) -> tuple[str, ...]:
        """How this rehearsal differs from the paper's experiment; empty if it does not."""
        words = [f"{100 * self.scale:.3g} % of the images and steps"] if self.scale != 1 else []
        words += [f"trained on {self.train_split}"] if self.train_split else []
        words += [f"tested on {self.test_split}"] if self.test_split else []
        return (*words, *self.settings)

    def folder(self, recipe: str) -> Path:
        return self.out / recipe


def chosen_rows(table: Table, patterns: Sequence[str] = ()) -> tuple[Row, ...]:
    """Return the rows with a recipe, or only those that match a pattern; UsageError for a pattern that matches none."""
    ours = tuple(row for row in table.rows if row.recipe)
    names = ", ".join(row.recipe for row in ours if row.recipe)
    for pattern in patterns:
        if not any(_matches(row, [pattern]) for row in ours):
            raise UsageError(f"--rows {pattern!r} matches no row of {table.name}: choose from {names}")
    return tuple(row for row in ours if _matches(row, patterns)) if patterns else ours


def _matches(row: Row, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(row.recipe or "", pattern) for pattern in patterns)


def prepare(name: str, request: Request) -> Recipe:
    """Return the recipe as this request trains it; UsageError for a setting that does not exist."""
    recipe = find_recipe(name)
    start = written_start(recipe)
    recipe = replace(
        recipe,
        schedule=times(recipe.schedule, request.scale),
        train_split=request.train_split or recipe.train_split,
        start_weights=str(request.folder(start) / "last.safetensors") if start else None,
    )
    return override(recipe, request.settings)


def starts_from(name: str, request: Request) -> str | None:
    """Return the recipe that must be trained first; None if there is none or a setting names other weights."""
    start = written_start(find_recipe(name))
    given = any(setting.startswith("start_weights=") for setting in request.settings)
    return None if given else start


def written_start(recipe: Recipe) -> str | None:
    """Return the recipe whose weights an unchanged recipe starts from."""
    return next((name for name in RECIPES if recipe.start_weights == trained(name)), None)


def find_training_split(name: str, request: Request) -> NeededSplit:
    """Find the data that the recipe learns from."""
    split = find_recipe(name).train_split
    assert split is not None
    other = request.train_split
    return find_split(DATA[split], other or split, request.data, any_family=other is not None)


def find_test_split(test: TestSet, request: Request) -> NeededSplit:
    """Find the images that a number is measured on."""
    other = request.test_split
    return find_split(test.family, other or test.split, request.data, any_family=other is not None)


def missing_splits(row: Row, request: Request) -> list[NeededSplit]:
    """Return what the row needs and `request.data` lacks."""
    assert row.test is not None
    names = [row.recipe, starts_from(row.recipe, request)] if row.recipe else []
    needed = [find_training_split(name, request) for name in names if name]
    return [split for split in (*needed, find_test_split(row.test, request)) if split.problem]
