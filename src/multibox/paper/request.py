"""What `multibox reproduce` is asked for, and what that makes of a table's rows and recipes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from multibox.errors import UsageError
from multibox.experiments.recipe import Recipe, override
from multibox.experiments.recipes import RECIPES, find_recipe
from multibox.experiments.recipes.original import DATA, times, trained
from multibox.paper.locate import Part, look_for
from multibox.paper.tables import Row, Table, Test


@dataclass(frozen=True)
class Request:
    """`data` holds the data sets, `out` gets a folder for each recipe.

    `scale` shrinks the images and steps; `settings` are changes of every recipe, made last. Splits take the place of
    the paper's.
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
        """What makes this a rehearsal; nothing where it is the paper's experiment."""
        words = [f"{100 * self.scale:.3g} % of the images and steps"] if self.scale != 1 else []
        words += [f"trained on {self.train_split}"] if self.train_split else []
        words += [f"tested on {self.test_split}"] if self.test_split else []
        return (*words, *self.settings)

    def folder(self, recipe: str) -> Path:
        return self.out / recipe


def chosen_rows(table: Table, patterns: Sequence[str] = ()) -> tuple[Row, ...]:
    """Our rows of the table, or those whose recipes fit a pattern; UsageError for a pattern that fits none."""
    ours = tuple(row for row in table.rows if row.recipe)
    names = ", ".join(row.recipe for row in ours if row.recipe)
    for pattern in patterns:
        if not any(_fits(row, [pattern]) for row in ours):
            raise UsageError(f"--rows {pattern!r} is no row of {table.name}: choose of {names}")
    return tuple(row for row in ours if _fits(row, patterns)) if patterns else ours


def _fits(row: Row, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(row.recipe or "", pattern) for pattern in patterns)


def prepare(name: str, request: Request) -> Recipe:
    """The recipe as this request trains it; UsageError for a setting that does not exist."""
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
    """The recipe that has to be trained before, None where there is none or a setting gives other weights."""
    start = written_start(find_recipe(name))
    given = any(setting.startswith("start_weights=") for setting in request.settings)
    return None if given else start


def written_start(recipe: Recipe) -> str | None:
    """The recipe whose weights an unchanged recipe starts from."""
    return next((name for name in RECIPES if recipe.start_weights == trained(name)), None)


def training_part(name: str, request: Request) -> Part:
    """The data that the recipe learns from, and whether they are there."""
    split = find_recipe(name).train_split
    assert split is not None
    other = request.train_split
    return look_for(DATA[split], other or split, request.data, any_kind=other is not None)


def look_for_test(test: Test, request: Request) -> Part:
    """The images that a number is measured on, and whether they are there."""
    other = request.test_split
    return look_for(test.kind, other or test.split, request.data, any_kind=other is not None)


def test_part(row: Row, request: Request) -> Part:
    """The same for a row of ours."""
    assert row.test is not None
    return look_for_test(row.test, request)


def missing_parts(row: Row, request: Request) -> list[Part]:
    """What the row needs and `request.data` lacks."""
    names = [row.recipe, starts_from(row.recipe, request)] if row.recipe else []
    parts = [training_part(name, request) for name in names if name]
    return [part for part in (*parts, test_part(row, request)) if part.problem]
