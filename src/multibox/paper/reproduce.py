"""Reproduces a table of the paper: trains each row as far as needed, tests it, and compares the numbers."""

import time
from collections.abc import Callable, Sequence
from math import isnan
from typing import Any, NamedTuple

import torch

from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.errors import DataError, InputError
from multibox.evaluation.evaluate import Evaluation, evaluate
from multibox.experiments.recipe import Recipe
from multibox.experiments.train import train
from multibox.models.ssd import SSD
from multibox.paper.outcome import Outcome, Results, finished, save_outcome, stored_outcome
from multibox.paper.request import (
    Request,
    chosen_rows,
    find_test_split,
    find_training_split,
    missing_splits,
    prepare,
    starts_from,
)
from multibox.paper.splits import NeededSplit, thinned
from multibox.paper.submission import images_without_annotations, write_submission
from multibox.paper.tables import Row, Table

OnReport = Callable[[Recipe, dict[str, Any]], object]
"""Called with the recipe in training and each row of its metrics."""


def ignore_report(_recipe: Recipe, _row: dict[str, Any]) -> None:
    """A callback that does nothing."""


OnMessage = Callable[[str], None]
"""Called with a line for people about what happens next."""


def reproduce(
    table: Table,
    request: Request,
    *,
    rows: Sequence[str] = (),
    on_results: Callable[[Results], object],
    on_message: OnMessage,
    on_report: OnReport = ignore_report,
) -> Results:
    """Produce the numbers of a table's rows, with one folder for each recipe in `request.out`.

    `rows` are patterns of recipe names; without any, all rows run. `on_results` is called after every row and
    `on_message` with lines for people. If the data of a row are missing, or it cannot be trained or tested, the reason
    is recorded and the other rows still run. Raises UsageError for rows and settings that do not exist.
    """
    chosen = chosen_rows(table, rows)
    for row in chosen:
        prepare(str(row.recipe), request)
    results = Results(finished(table, request), {})
    for number, row in enumerate(chosen, start=1):
        name = str(row.recipe)
        on_message(f"[{number}/{len(chosen)}] {row.label} ({name})")
        try:
            missing = missing_splits(row, request)
            if missing:
                raise DataError(f"needs {missing[0].split}: {missing[0].problem}")
            results.done[name] = finish(row, request, on_message=on_message, on_report=on_report)
        except InputError as error:
            results.failed[name] = str(error)
            on_message(f"{name}: {error}")
        on_results(results)
    return results


def finish(row: Row, request: Request, *, on_message: OnMessage, on_report: OnReport = ignore_report) -> Outcome:
    """Return the row's outcome: from its folder if it is finished, else after training and testing."""
    name = str(row.recipe)
    recipe = prepare(name, request)
    stored = stored_outcome(name, recipe, request)
    if stored is not None:
        on_message(f"{name} is finished")
        return stored
    started = time.monotonic()
    if start := starts_from(name, request):
        on_message(f"{name} starts from {start}")
        _train(start, prepare(start, request), request, on_message=on_message, on_report=on_report)
    model, learned = _train(name, recipe, request, on_message=on_message, on_report=on_report)
    tested = _test(model, row, recipe, request, on_message=on_message)
    ours = tested.evaluation
    outcome = Outcome(
        recipe=name,
        numbers=_numbers(ours, row) if ours else {},
        classes={key: round(100 * ap, 2) for key, ap in ours.ap.items() if not isnan(ap)} if ours else {},
        stamp=request.stamp,
        train_images=len(learned),
        test_images=tested.images,
        seconds=round(time.monotonic() - started, 1),
        torch=torch.__version__,
        submission=tested.submission,
    )
    save_outcome(outcome, recipe, request)
    return outcome


def _train(
    name: str, recipe: Recipe, request: Request, *, on_message: OnMessage, on_report: OnReport
) -> tuple[SSD, Dataset]:
    """Return the model at the end of the recipe's schedule; training continues from what its folder holds."""
    dataset = _load(find_training_split(name, request), recipe, request)
    folder = request.folder(name)
    resume = folder.is_dir()
    model = train(
        recipe,
        data=dataset,
        out=folder,
        resume=resume,
        workers=request.workers,
        device=request.device,
        on_message=on_message,
        on_report=lambda row: on_report(recipe, row),
    )
    return model, dataset


class _Tested(NamedTuple):
    images: int
    evaluation: Evaluation | None = None
    submission: str | None = None


def _test(model: SSD, row: Row, recipe: Recipe, request: Request, *, on_message: OnMessage) -> _Tested:
    """Evaluate the model on the row's test images; if they have no objects, write files for the evaluation server."""
    assert row.test is not None
    split = find_test_split(row.test, request)
    images = images_without_annotations(split)
    test = _load(split, recipe, request) if images is None else thinned(images, request.scale)
    on_message(f"testing on {test.name}: {len(test)} images")
    detector = Detector(model)
    if test.num_objects:
        return _Tested(len(test), evaluate(detector, test, metric=recipe.metric))
    written = write_submission(request.folder(recipe.name), detector, test, family=row.test.family)
    on_message(f"{test.name} has no annotations: the detections for its server are in {written}")
    return _Tested(len(test), submission=str(written))


def _load(split: NeededSplit, recipe: Recipe, request: Request) -> Dataset:
    assert split.folder is not None
    dataset = load_dataset(split.folder, split=split.split, pixel_rule=recipe.pixel_rule, classes=recipe.classes)
    return thinned(dataset, request.scale)


def _numbers(evaluation: Evaluation, row: Row) -> dict[str, float]:
    """Return the row's numbers in per cent, without those for which the test images have no object."""
    ours = {key: evaluation.mean if key == "mAP" else evaluation.numbers[key] for key in row.numbers}
    return {key: round(100 * value, 2) for key, value in ours.items() if not isnan(value)}
