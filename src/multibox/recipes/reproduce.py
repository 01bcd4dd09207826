"""The paper's tables anew: train what is missing, go on with what stopped, evaluate (`multibox reproduce`)."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.errors import DataError, TrainingError
from multibox.evaluation.evaluate import Evaluation, evaluate
from multibox.models.ssd import SSD
from multibox.recipes.recipe import Recipe
from multibox.recipes.reproduce_data import Part, thinned
from multibox.recipes.reproduce_request import (
    Request,
    chosen_rows,
    missing_parts,
    prepare,
    starts_from,
    test_part,
    training_part,
)
from multibox.recipes.run import train
from multibox.recipes.tables import Row, Table
from multibox.runtime.detector import Detector

RESULT = "result.json"


@dataclass(frozen=True)
class Outcome:
    """What a row gave: numbers in per cent by name, AP by class, and with what."""

    recipe: str
    numbers: dict[str, float]
    classes: dict[str, float]
    stamp: tuple[str, ...]
    train_pictures: int
    test_pictures: int
    seconds: float
    torch: str

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Outcome":
        return cls(**{**fields, "stamp": tuple(fields["stamp"])})


@dataclass
class Progress:
    """Outcomes, and reasons why there is none, by recipe."""

    done: dict[str, Outcome]
    failed: dict[str, str]


def reproduce(
    table: Table, request: Request, *, rows: Sequence[str] = (), report: Callable[[Progress], None]
) -> Progress:
    """Bring rows of the table to numbers, one folder for each recipe in `request.out`.

    `rows` are patterns of recipe names, none for all. `report` is called after every row. A row whose data are not
    there, or that cannot be trained or evaluated, is named and the others go on. Raises UsageError for rows and
    settings that do not exist.
    """
    chosen = chosen_rows(table, rows)
    for row in chosen:
        prepare(str(row.recipe), request)
    progress = Progress({}, {})
    for number, row in enumerate(chosen, start=1):
        name = str(row.recipe)
        say(f"[{number}/{len(chosen)}] {row.label} ({name})")
        try:
            missing = missing_parts(row, request)
            if missing:
                raise DataError(f"needs {missing[0].split}: {missing[0].problem}")
            progress.done[name] = finish(row, request)
        except (TrainingError, DataError) as error:
            progress.failed[name] = str(error)
            say(f"{name}: {error}")
        report(progress)
    return progress


def finish(row: Row, request: Request) -> Outcome:
    """The row's outcome: from its folder if it is finished, else after training and evaluation."""
    name = str(row.recipe)
    recipe = prepare(name, request)
    stored = stored_outcome(name, recipe, request)
    if stored is not None:
        say(f"{name} is finished")
        return stored
    started = time.monotonic()
    if start := starts_from(name, request):
        say(f"{name} starts from {start}")
        _train(start, prepare(start, request), request)
    model, learned = _train(name, recipe, request)
    evaluation = _evaluate(model, test_part(row, request), recipe, request)
    outcome = Outcome(
        recipe=name,
        numbers={key: _number(evaluation, key) for key in row.numbers},
        classes={key: round(100 * ap, 2) for key, ap in evaluation.ap.items() if ap == ap},
        stamp=request.stamp,
        train_pictures=len(learned),
        test_pictures=evaluation.num_images,
        seconds=round(time.monotonic() - started, 1),
        torch=torch.__version__,
    )
    text = json.dumps({"outcome": asdict(outcome), "recipe": recipe.to_json()}, indent=1)
    (request.folder(name) / RESULT).write_text(text + "\n", encoding="utf-8")
    return outcome


def stored_outcome(name: str, recipe: Recipe, request: Request) -> Outcome | None:
    """The outcome in the recipe's folder, None where it is not finished.

    Raises TrainingError where the folder's outcome is of another recipe or of other data.
    """
    path = request.folder(name) / RESULT
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    outcome = Outcome.from_json(content["outcome"])
    if content["recipe"] != recipe.to_json() or outcome.stamp != request.stamp:
        raise TrainingError(
            f"{path.parent} holds the result of another run ({', '.join(outcome.stamp) or 'the whole experiment'}): "
            "choose another --out"
        )
    return outcome


def _train(name: str, recipe: Recipe, request: Request) -> tuple[SSD, Dataset]:
    """The model at the end of the recipe's schedule, trained as far as its folder lacks it."""
    dataset = _load(training_part(name, request), recipe, request)
    folder = request.folder(name)
    resume = folder.is_dir()
    model = train(recipe, data=dataset, out=folder, resume=resume, workers=request.workers, device=request.device)
    return model, dataset


def _evaluate(model: SSD, part: Part, recipe: Recipe, request: Request) -> Evaluation:
    dataset = _load(part, recipe, request)
    say(f"evaluating on {dataset.name}: {len(dataset)} images")
    return evaluate(Detector(model), dataset, metric=recipe.metric)


def _load(part: Part, recipe: Recipe, request: Request) -> Dataset:
    assert part.folder is not None
    dataset = load_dataset(part.folder, split=part.split, pixels=recipe.pixels, classes=recipe.classes)
    return thinned(dataset, request.scale)


def _number(evaluation: Evaluation, key: str) -> float:
    return round(100 * (evaluation.mean if key == "mAP" else evaluation.numbers[key]), 2)


def say(text: str) -> None:
    """A message for people, on standard error."""
    print(text, file=sys.stderr, flush=True)
