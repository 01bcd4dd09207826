"""What a reproduction would run, what it needs and whether that is there, and how long it would take here."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from multibox.experiments.recipe import Recipe
from multibox.paper.cost import Costs
from multibox.paper.locate import LEAST, Part
from multibox.paper.outcome import stored_outcome
from multibox.paper.request import Request, chosen_rows, prepare, starts_from, test_part, training_part
from multibox.paper.tables import Row, Table
from multibox.training.progress import read_metrics
from multibox.weights.download import cache_folder
from multibox.weights.registry import published

FINISHED, NOT_BEGUN = "finished", "to do"


@dataclass(frozen=True)
class Step:
    """One training of a plan: for a row of the table, or for the weights that a row starts from.

    `state` is "finished", "to do" or "step 40 of 60000"; `weights_there` is None where no weights are needed to start.
    `seconds` are for what is left of training, and of the test of a row, without the loading of images.
    """

    recipe: str
    label: str
    state: str
    parts: tuple[Part, ...]
    weights: str | None
    weights_there: bool | None
    images: int
    seconds: float

    @property
    def problems(self) -> tuple[str, ...]:
        """What is missing."""
        lines = tuple(f"{part.split}: {part.problem}" for part in self.parts if part.problem)
        return (
            (*lines, f"base weights {self.weights} are not on this machine yet")
            if self.weights_there is False
            else lines
        )

    def to_json(self) -> dict[str, object]:
        fields = asdict(self)
        for part in fields["parts"]:
            part["folder"] = part["folder"] and str(part["folder"])
        return {**fields, "parts": list(fields["parts"]), "problems": list(self.problems)}


def plan(
    table: Table, request: Request, *, rows: Sequence[str] = (), say: Callable[[str], None] = lambda text: None
) -> list[Step]:
    """Every training that the rows need, in order; each network that is left to train takes a few steps of noise.

    Raises UsageError for rows and settings that do not exist.
    """
    costs = Costs(request.device)
    steps: dict[str, Step] = {}
    for row in chosen_rows(table, rows):
        name = str(row.recipe)
        start = starts_from(name, request)
        if start and start not in steps:
            steps[start] = _step(start, f"for {row.label}", None, request, costs, say)
        if name not in steps or steps[name].label.startswith("for "):
            steps[name] = _step(name, row.label, row, request, costs, say)
    return list(steps.values())


def _step(name: str, label: str, row: Row | None, request: Request, costs: Costs, say: Callable[[str], None]) -> Step:
    recipe = prepare(name, request)
    parts = [training_part(name, request), *([test_part(row, request)] if row else [])]
    state, done = _state(name, recipe, request, tested=row is not None)
    images = (recipe.schedule.iterations - done) * recipe.loop.batch_size
    seconds = 0.0
    if state != FINISHED:
        if not costs.known(recipe):
            say(f"measuring {recipe.model.name} for {name}")
        cost = costs.of(recipe)
        seconds = images * cost.training + _test_images(row, parts[-1], request) * cost.detection
    weights = recipe.base_weights
    there = None if weights is None else _weights_there(weights)
    return Step(name, label, state, tuple(parts), weights, there, images, seconds)


def _state(name: str, recipe: Recipe, request: Request, *, tested: bool) -> tuple[str, int]:
    """In words, and how many steps of the training are done."""
    total = recipe.schedule.iterations
    if tested and stored_outcome(name, recipe, request) is not None:
        return FINISHED, total
    rows = [row["step"] for row in read_metrics(request.folder(name)) if "loss" in row]
    done = max(rows, default=0)
    if done == total and not tested:
        return FINISHED, total
    return (f"step {done} of {total}" if done else NOT_BEGUN), done


def _test_images(row: Row | None, part: Part, request: Request) -> float:
    if row is None or row.test is None:
        return 0
    return max(LEAST, (part.images or row.test.images) * request.scale)


def _weights_there(source: str) -> bool:
    """Whether a file of that name, or the file of that published name, is on this machine."""
    entry = published(source)
    if entry is None or entry.url is None:
        return Path(source).is_file()
    return (cache_folder() / urlsplit(entry.url).path.rpartition("/")[2]).is_file()
