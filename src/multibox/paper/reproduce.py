"""The paper's tables anew: train what is missing, go on with what stopped, evaluate (`multibox reproduce`)."""

import sys
import time
from collections.abc import Callable, Sequence
from math import isnan
from typing import NamedTuple

import torch

from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.errors import DataError, InputError
from multibox.evaluation.evaluate import Evaluation, evaluate
from multibox.experiments.recipe import Recipe
from multibox.experiments.train import train
from multibox.models.ssd import SSD
from multibox.paper.locate import Part, thinned
from multibox.paper.outcome import Outcome, Progress, finished, save_outcome, stored_outcome
from multibox.paper.request import (
    Request,
    chosen_rows,
    missing_parts,
    prepare,
    starts_from,
    test_part,
    training_part,
)
from multibox.paper.submission import images_alone, write_submission
from multibox.paper.tables import Row, Table


def reproduce(
    table: Table, request: Request, *, rows: Sequence[str] = (), report: Callable[[Progress], object]
) -> Progress:
    """Bring rows of the table to numbers, one folder for each recipe in `request.out`.

    `rows` are patterns of recipe names, none for all. `report` is called after every row. A row whose data are not
    there, or that cannot be trained or evaluated, is named and the others go on. Raises UsageError for rows and
    settings that do not exist.
    """
    chosen = chosen_rows(table, rows)
    for row in chosen:
        prepare(str(row.recipe), request)
    progress = Progress(finished(table, request), {})
    for number, row in enumerate(chosen, start=1):
        name = str(row.recipe)
        say(f"[{number}/{len(chosen)}] {row.label} ({name})")
        try:
            missing = missing_parts(row, request)
            if missing:
                raise DataError(f"needs {missing[0].split}: {missing[0].problem}")
            progress.done[name] = finish(row, request)
        except InputError as error:
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
    verdict = _judge(model, row, recipe, request)
    ours = verdict.evaluation
    outcome = Outcome(
        recipe=name,
        numbers=_numbers(ours, row) if ours else {},
        classes={key: round(100 * ap, 2) for key, ap in ours.ap.items() if not isnan(ap)} if ours else {},
        stamp=request.stamp,
        train_images=len(learned),
        test_images=verdict.images,
        seconds=round(time.monotonic() - started, 1),
        torch=torch.__version__,
        submission=verdict.submission,
    )
    save_outcome(outcome, recipe, request)
    return outcome


def _train(name: str, recipe: Recipe, request: Request) -> tuple[SSD, Dataset]:
    """The model at the end of the recipe's schedule, trained as far as its folder lacks it."""
    dataset = _load(training_part(name, request), recipe, request)
    folder = request.folder(name)
    resume = folder.is_dir()
    model = train(recipe, data=dataset, out=folder, resume=resume, workers=request.workers, device=request.device)
    return model, dataset


class _Verdict(NamedTuple):
    images: int
    evaluation: Evaluation | None = None
    submission: str | None = None


def _judge(model: SSD, row: Row, recipe: Recipe, request: Request) -> _Verdict:
    """The model on the row's test images: numbers, or files for a server where no image has an object."""
    part = test_part(row, request)
    alone = images_alone(part)
    test = _load(part, recipe, request) if alone is None else thinned(alone, request.scale)
    say(f"testing on {test.name}: {len(test)} images")
    detector = Detector(model)
    if test.num_objects:
        return _Verdict(len(test), evaluate(detector, test, metric=recipe.metric))
    written = write_submission(request.folder(recipe.name), detector, test, kind=recipe.metric)
    say(f"{test.name} has no annotations: the detections for its server are in {written}")
    return _Verdict(len(test), submission=str(written))


def _load(part: Part, recipe: Recipe, request: Request) -> Dataset:
    assert part.folder is not None
    dataset = load_dataset(part.folder, split=part.split, pixels=recipe.pixels, classes=recipe.classes)
    return thinned(dataset, request.scale)


def _numbers(evaluation: Evaluation, row: Row) -> dict[str, float]:
    """The row's numbers in per cent, without those for which the test images have no object."""
    ours = {key: evaluation.mean if key == "mAP" else evaluation.numbers[key] for key in row.numbers}
    return {key: round(100 * value, 2) for key, value in ours.items() if not isnan(value)}


def say(text: str) -> None:
    """A message for people, on standard error."""
    print(text, file=sys.stderr, flush=True)
