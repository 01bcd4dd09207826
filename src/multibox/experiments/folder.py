"""The folder of a run: who may write to it, what a resumed run finds there, and what a new run replaces."""

import errno
import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.errors import DataError, TrainingError, WeightsError
from multibox.experiments.recipe import Recipe
from multibox.system.atomic import atomic_file, remove_unfinished
from multibox.system.json import read_json
from multibox.training.checkpoint import CHECKPOINT, PREVIOUS, find_checkpoint, remove_damaged
from multibox.training.metrics import METRICS, keep_metrics_until, read_metrics
from multibox.weights.file import read_description

BEST, LAST = "best.safetensors", "last.safetensors"
RECIPE = "recipe.json"
_LOCK = ".running"


@dataclass(frozen=True)
class Memory:
    """The state that the folder of a run holds.

    `state` is the state of its checkpoint, None if the run starts from the beginning. `facts` are the recorded facts
    of the run (`facts_of`), None if there are none. `damaged` is true if the newest checkpoint cannot be used, and
    `best_lost` if the weights of the best score are missing. `notes` are lines for the user.
    """

    state: dict[str, Any] | None = None
    facts: dict[str, Any] | None = None
    damaged: bool = False
    best_lost: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunSummary:
    """The result of a run: its best weights or else its last ones, the steps taken, and the best score if any."""

    weights: Path
    steps: int
    score: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `multibox train --json` prints them."""
        return {"weights": str(self.weights), "steps": self.steps, "score": self.score}


def summarize_run(folder: Path) -> RunSummary:
    """Return the result of a finished run."""
    steps = read_metrics(folder)[-1]["step"]
    if not (folder / BEST).exists():
        return RunSummary(folder / LAST, steps, None)
    return RunSummary(folder / BEST, steps, read_description(folder / BEST).info["score"])


@contextmanager
def open_folder(folder: Path, *, resume: bool) -> Iterator[Memory]:
    """Lock the folder of a run and read what it remembers; files whose names begin with a dot do not count.

    Nothing in the folder is changed. A folder that did not exist is removed at the end of the block if it is empty.
    Raises TrainingError if a new run would overwrite something, if there is nothing to resume, or if another process
    is training in the folder.
    """
    if folder.is_file() or (resume and not folder.is_dir()):
        raise _cannot_use(folder, resume=resume)
    with _locked(folder):
        names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        if names and not (resume and names & {RECIPE, CHECKPOINT, PREVIOUS}):
            raise _cannot_use(folder, resume=resume)
        yield _remembered(folder) if resume else Memory()


def _cannot_use(folder: Path, *, resume: bool) -> TrainingError:
    if resume:
        return TrainingError(f"{folder} holds no run to resume; start one without --resume")
    return TrainingError(f"{folder} is not empty: continue with --resume or choose another --out; nothing was changed")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder inside the block; the system releases the lock if this process dies.

    On file systems without locks, nothing is locked.
    """
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _LOCK
    with open(path, "w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise TrainingError(
                    f"another process is training in {folder}: let it end or choose another --out; nothing was changed"
                ) from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # a folder that is not empty stays
                for made in created:
                    made.rmdir()


def _remembered(folder: Path) -> Memory:
    state, damaged = find_checkpoint(folder)
    written = _written_recipe(folder)
    if state is None:
        reason = "; ".join(damaged) or f"{folder} holds no checkpoint yet"
        facts = {"recipe": written} if written and not damaged else None
        return Memory(None, facts, bool(damaged), notes=(f"{reason}: the run starts from the beginning",))
    facts = state.get("facts") or (written and {"recipe": written})  # version 0.1.0 has no facts in its checkpoint
    notes = [f"{line}: continuing from the previous one" for line in damaged]
    best_lost = state["best"] >= 0 and not _is_complete(folder / BEST)
    if best_lost:
        notes.append(f"{folder / BEST} is missing or damaged: the next validation writes a new one")
    return Memory(state, facts, bool(damaged), best_lost, tuple(notes))


def _written_recipe(folder: Path) -> dict[str, Any] | None:
    """Return the recipe beside the checkpoint, None if it is missing or damaged."""
    try:
        fields = read_json(folder / RECIPE)
    except DataError:
        return None
    return fields if isinstance(fields, dict) else None


def _is_complete(weights: Path) -> bool:
    try:
        read_description(weights)
    except WeightsError:
        return False
    return True


def clear_folder(folder: Path, recipe: Recipe) -> None:
    """Prepare the folder for the first step. Weights of a run that cannot be resumed are renamed."""
    remove_unfinished(folder)
    if any((folder / name).exists() for name in (CHECKPOINT, PREVIOUS)):
        for weights in (folder / BEST, folder / LAST):
            if weights.exists():
                weights.replace(weights.with_suffix(".before.safetensors"))
    for name in (CHECKPOINT, PREVIOUS, METRICS):
        (folder / name).unlink(missing_ok=True)
    write_recipe(folder, recipe)


def rewind_folder(folder: Path, memory: Memory) -> None:
    """Remove what a run wrote after the checkpoint of `memory`, and a damaged newer checkpoint."""
    assert memory.state is not None
    remove_unfinished(folder)
    if memory.damaged:
        remove_damaged(folder)
    rows = memory.state.get("metrics")
    keep_metrics_until(folder, memory.state["step"], rows=read_metrics(folder) if rows is None else json.loads(rows))


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Write the recipe as readable JSON beside the checkpoint."""
    with atomic_file(folder / RECIPE) as file:
        file.write((json.dumps(recipe.to_json(), indent=1) + "\n").encode())
