"""A run's folder: whose it is, what a resumed run finds there, and what may have changed in the meantime."""

import errno
import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.data.dataset import Dataset
from multibox.errors import TrainingError, UsageError
from multibox.experiments.recipe import Recipe
from multibox.system.atomic import atomic_file, remove_unfinished
from multibox.training.checkpoint import CHECKPOINT, PREVIOUS, find_checkpoint
from multibox.training.progress import METRICS

RECIPE = "recipe.json"
_LOCK = ".running"
_FIXED = ("model.", "data.classes")
_SHOWN_CHANGES = 5


@dataclass(frozen=True)
class Memory:
    """What a folder remembers of its run.

    `state` is that of its checkpoint, None where the run begins; `facts` are what `facts_of` said then, empty where
    nobody wrote them down; `notes` are lines for the user.
    """

    state: dict[str, Any] | None = None
    facts: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


def open_folder(folder: Path, *, resume: bool) -> Memory:
    """Look into the folder of a run and change nothing; files whose names begin with a dot do not count.

    Raises TrainingError where a new run would write over something, or where there is nothing to resume.
    """
    there = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    if not resume:
        if there or folder.is_file():
            raise TrainingError(
                f"{folder} is not empty: go on with --resume or choose another --out; nothing was changed"
            )
        return Memory()
    names = {path.name for path in there}
    if not folder.is_dir() or (names and not names & {RECIPE, CHECKPOINT, PREVIOUS}):
        raise TrainingError(f"{folder} holds no run to resume; start one without --resume")
    return _remembered(folder)


def _remembered(folder: Path) -> Memory:
    state, damaged = find_checkpoint(folder)
    if state is None:
        why = "; ".join(damaged) or f"{folder} holds no checkpoint yet"
        written = None if damaged else _written_recipe(folder)
        return Memory(None, written and {"recipe": written}, (f"{why}: the run begins anew",))
    written = _written_recipe(folder)
    facts = state.get("facts") or (written and {"recipe": written})  # version 0.1.0 has no facts in its checkpoint
    return Memory(state, facts, tuple(f"{line}: going on from the previous one" for line in damaged))


def _written_recipe(folder: Path) -> dict[str, Any] | None:
    """The recipe beside the checkpoint, None where it is missing or damaged."""
    try:
        return json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder while the block runs; the system lets go where this process dies.

    Raises TrainingError where another process holds it. Where the file system knows no locks, nobody is kept out.
    """
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


def claim_folder(folder: Path, recipe: Recipe) -> None:
    """Make the folder that of a run at its first step. Weights of a run that cannot be resumed get another name."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    if any((folder / name).exists() for name in (CHECKPOINT, PREVIOUS)):
        for name in ("best", "last"):
            weights = folder / f"{name}.safetensors"
            if weights.exists():
                weights.replace(folder / f"{name}.before.safetensors")
    for name in (CHECKPOINT, PREVIOUS, METRICS):
        (folder / name).unlink(missing_ok=True)
    write_recipe(folder, recipe)


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Put the recipe beside the checkpoint, for people to read."""
    with atomic_file(folder / RECIPE) as file:
        file.write((json.dumps(recipe.to_json(), indent=1) + "\n").encode())


def facts_of(recipe: Recipe, dataset: Dataset | None = None) -> dict[str, Any]:
    """What a resumed run must find as it was: the recipe, and numbers and a digest of the data set where it is read."""
    facts: dict[str, Any] = {"recipe": recipe.to_json()}
    if dataset is not None:
        facts["data"] = {
            "images": len(dataset),
            "objects": dataset.num_objects,
            "classes": list(dataset.class_names),
            "annotations": _digest(dataset),
        }
    return facts


def _digest(dataset: Dataset) -> str:
    """Changes with any image's name, box or label, and with their order; not with where the images lie."""
    digest = hashlib.sha256()
    for example in dataset:
        digest.update(example.id.encode("utf-8", "surrogateescape") + b"\0")
        for values in (example.boxes, example.labels, example.difficult, example.crowd):
            digest.update(values.tobytes())
    return digest.hexdigest()[:12]


def changes(before: dict[str, Any] | None, now: dict[str, Any], *, folder: Path, accept: bool) -> list[str]:
    """What differs between a run's facts then and `now`, as "key was a, is b"; facts that one lacks are passed over.

    Raises TrainingError that lists them unless `accept`, and in any case for the model and the classes.
    """
    if before is None:
        return []
    then = {**before, "recipe": _completed(before["recipe"])}
    old, new = _flat(then), _flat(now)
    both = [key for key in new if key.split(".")[0] in then and old.get(key) != new[key]]
    fixed = [key for key in both if key.removeprefix("recipe.").startswith(_FIXED)]
    lines = [f"{key.removeprefix('recipe.')} was {old.get(key)}, is {new[key]}" for key in fixed or both]
    if len(lines) > _SHOWN_CHANGES:
        lines = [*lines[:_SHOWN_CHANGES], f"and {len(lines) - _SHOWN_CHANGES} more"]
    listed = "; ".join(lines)
    if fixed:
        raise TrainingError(
            f"{folder} holds a run that cannot go on with another model or other classes ({listed}): choose another "
            "--out; --set start_weights=FILE begins from weights that are there"
        )
    if both and not accept:
        raise TrainingError(
            f"{folder} was trained with other settings or data ({listed}): go on all the same with --accept-changes, "
            "or choose another --out"
        )
    return lines


def _completed(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe that an earlier version wrote, with settings that are new at their defaults."""
    try:
        return Recipe.from_json(recipe).to_json()
    except UsageError:
        return recipe


def judges_alike(before: dict[str, Any] | None, recipe: Recipe) -> bool:
    """Whether scores from before can be compared with those to come."""
    keys = ("metric", "validation_split", "pixels")
    now = recipe.to_json()
    return before is None or all(before["recipe"].get(key) == now[key] for key in keys)


def _flat(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
