"""The results of a table's rows, kept in their folders so that no finished row runs twice."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from multibox.errors import TrainingError
from multibox.experiments.recipe import Recipe
from multibox.paper.request import Request, chosen_rows, prepare
from multibox.paper.tables import Table
from multibox.system.atomic import atomic_file
from multibox.system.json import read_json

RESULT = "result.json"


@dataclass(frozen=True)
class Outcome:
    """The result of one row: numbers in per cent by name, AP by class, and how they were obtained.

    If the test images have no annotations, there are no numbers, and `submission` is the file or folder for the
    evaluation server.
    """

    recipe: str
    numbers: dict[str, float]
    classes: dict[str, float]
    stamp: tuple[str, ...]
    train_images: int
    test_images: int
    seconds: float
    torch: str
    submission: str | None = None

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Outcome":
        return cls(**{**fields, "stamp": tuple(fields["stamp"])})


@dataclass
class Results:
    """By recipe: the outcomes so far, and the reasons why a row has none."""

    done: dict[str, Outcome]
    failed: dict[str, str]


def save_outcome(outcome: Outcome, recipe: Recipe, request: Request) -> None:
    """Write the outcome into the recipe's folder."""
    text = json.dumps({"outcome": asdict(outcome), "recipe": recipe.to_json()}, indent=1)
    with atomic_file(request.folder(outcome.recipe) / RESULT) as file:
        file.write(text.encode() + b"\n")


def stored_outcome(name: str, recipe: Recipe, request: Request) -> Outcome | None:
    """Return the outcome in the recipe's folder, None if the row is not finished.

    Raises TrainingError if the folder holds the outcome of another recipe or of other data.
    """
    path = request.folder(name) / RESULT
    if not path.exists():
        return None
    content = read_json(path)
    outcome = Outcome.from_json(content["outcome"])
    if content["recipe"] != recipe.to_json() or outcome.stamp != request.stamp:
        raise TrainingError(
            f"{path.parent} holds the result of another run ({', '.join(outcome.stamp) or 'the whole experiment'}): "
            "choose another --out"
        )
    return outcome


def finished(table: Table, request: Request) -> dict[str, Outcome]:
    """Return the outcomes that the same request stored before, by recipe."""
    known: dict[str, Outcome] = {}
    for row in chosen_rows(table):
        name = str(row.recipe)
        with suppress(TrainingError):
            if outcome := stored_outcome(name, prepare(name, request), request):
                known[name] = outcome
    return known
