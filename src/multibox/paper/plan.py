"""The plan of a reproduction: what would run, which data and weights are missing, and how long it would take here."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes import find_recipe
from multibox.experiments.recipes.original import class_count
from multibox.paper.estimate import Estimator, SecondsPerImage
from multibox.paper.outcome import stored_outcome
from multibox.paper.request import Request, chosen_rows, find_test_split, find_training_split, prepare, starts_from
from multibox.paper.splits import MIN_IMAGES, NeededSplit
from multibox.paper.tables import Row, Table, TestSet
from multibox.training.metrics import read_metrics
from multibox.weights.download import cache_folder
from multibox.weights.registry.fetch import published

FINISHED, NOT_BEGUN = "finished", "to do"


@dataclass(frozen=True)
class PlannedTraining:
    """One training of a plan: for a row of the table, or for the weights that a row starts from.

    `state` is "finished", "to do" or "step 40 of 60000". `weights_there` is None if no weights are needed to start.
    `seconds` is the remaining time of training and of the row's test, without loading images.
    """

    recipe: str
    label: str
    state: str
    splits: tuple[NeededSplit, ...]
    weights: str | None
    weights_there: bool | None
    images: int
    seconds: float

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for everything that is missing."""
        lines = tuple(f"{needed.split}: {needed.problem}" for needed in self.splits if needed.problem)
        return (
            (*lines, f"base weights {self.weights} are not on this machine yet")
            if self.weights_there is False
            else lines
        )

    def to_json(self) -> dict[str, object]:
        fields = asdict(self)
        for needed in fields["splits"]:
            needed["folder"] = needed["folder"] and str(needed["folder"])
        return {**fields, "splits": list(fields["splits"]), "problems": list(self.problems)}


@runtime_checkable
class _Times(Protocol):
    def seconds(self, recipe: Recipe, *, classes: int) -> SecondsPerImage: ...


def plan(
    table: Table,
    request: Request,
    *,
    rows: Sequence[str] = (),
    measure: bool = False,
    on_message: Callable[[str], None] = lambda text: None,
) -> list[PlannedTraining]:
    """Return every training that the rows need, in order.

    Times come from counted operations and one measured rate. With `measure`, a few steps on noise measure each network
    that is left, which takes minutes on a CPU. `on_message` is called with a line about each measurement.
    Raises UsageError for rows and settings that do not exist.
    """
    times = _times(request, measure=measure, on_message=on_message)
    splits = _Splits(request)
    steps: dict[str, PlannedTraining] = {}
    for row in chosen_rows(table, rows):
        name = str(row.recipe)
        start = starts_from(name, request)
        if start and start not in steps:
            steps[start] = _step(start, f"for {row.label}", None, request, times, splits)
        if name not in steps or steps[name].label.startswith("for "):
            steps[name] = _step(name, row.label, row, request, times, splits)
    return list(steps.values())


def _times(request: Request, *, measure: bool, on_message: Callable[[str], None]) -> _Times:
    if not measure:
        return Estimator(request.device, on_message=on_message)
    from multibox.paper.timing import Timer  # its imports take longer than a plan without it

    return Timer(request.device, on_message=on_message)


class _Splits:
    """Finds the splits that rows need, each one once."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._known: dict[TestSet | str | None, NeededSplit] = {}

    def needed(self, name: str, row: Row | None) -> list[NeededSplit]:
        """Return the training split of a recipe and the test split of its row."""
        learned = find_recipe(name).train_split
        if learned not in self._known:
            self._known[learned] = find_training_split(name, self._request)
        if row is None or row.test is None:
            return [self._known[learned]]
        if row.test not in self._known:
            self._known[row.test] = find_test_split(row.test, self._request)
        return [self._known[learned], self._known[row.test]]


def _step(name: str, label: str, row: Row | None, request: Request, times: _Times, splits: _Splits) -> PlannedTraining:
    recipe = prepare(name, request)
    needed = splits.needed(name, row)
    state, done = _state(name, recipe, request, tested=row is not None)
    images = (recipe.schedule.iterations - done) * recipe.loop.batch_size
    seconds = 0.0
    if state != FINISHED:
        time = times.seconds(recipe, classes=class_count(find_recipe(name)))
        seconds = images * time.training + _test_images(row, needed[-1], request) * time.detection
    weights = recipe.base_weights
    there = None if weights is None else _weights_there(weights)
    return PlannedTraining(name, label, state, tuple(needed), weights, there, images, seconds)


def _state(name: str, recipe: Recipe, request: Request, *, tested: bool) -> tuple[str, int]:
    """Return the state in words and the number of finished training steps."""
    total = recipe.schedule.iterations
    if tested and stored_outcome(name, recipe, request) is not None:
        return FINISHED, total
    rows = [row["step"] for row in read_metrics(request.folder(name)) if "loss" in row]
    done = max(rows, default=0)
    if done == total and not tested:
        return FINISHED, total
    return (f"step {done} of {total}" if done else NOT_BEGUN), done


def _test_images(row: Row | None, split: NeededSplit, request: Request) -> float:
    if row is None or row.test is None:
        return 0
    return max(MIN_IMAGES, (split.images or row.test.images) * request.scale)


def _weights_there(source: str) -> bool:
    """Whether the weights, a file or a published name, are on this machine."""
    entry = published(source)
    if entry is None or entry.url is None:
        return Path(source).is_file()
    return (cache_folder() / urlsplit(entry.url).path.rpartition("/")[2]).is_file()
