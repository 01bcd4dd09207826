"""The recipe and the data of a run, as a resumed run compares them with what they were."""

import hashlib
from pathlib import Path
from typing import Any

from multibox.data.dataset import Dataset
from multibox.errors import TrainingError, UsageError
from multibox.experiments.recipe import Recipe

_FIXED = ("model.", "data.classes")
_FIXED_AFTER_STEPS = ("base_weights", "start_weights", "optimizer.kind", "optimizer.rates")
_CHOOSES_DATA = ("recipe.train_split", "recipe.classes")
_MOST_LISTED_CHANGES = 5


def facts_of(recipe: Recipe, dataset: Dataset) -> dict[str, Any]:
    """Return the recipe, and counts and a digest of the data set, as plain values."""
    return {
        "recipe": recipe.to_json(),
        "data": {
            "images": len(dataset),
            "objects": dataset.num_objects,
            "classes": list(dataset.class_names),
            "annotations": _digest(dataset),
        },
    }


def _digest(dataset: Dataset) -> str:
    """Return a digest of the names, boxes and labels of all images in their order, but not of their folders."""
    digest = hashlib.sha256()
    for example in dataset:
        digest.update(example.id.encode("utf-8", "surrogateescape") + b"\0")
        for values in (example.boxes, example.labels, example.difficult, example.crowd):
            digest.update(values.tobytes())
    return digest.hexdigest()[:12]


def find_changes(
    before: dict[str, Any] | None, now: dict[str, Any], *, folder: Path, accept: bool, steps: int = 0
) -> list[str]:
    """Return the differences between the facts of a run and those of `now`, each as "key was a, is b".

    Facts that were not recorded are not compared, nor is the name of the split if the data are the same. Raises
    TrainingError that lists the differences unless `accept`; it is always raised for the model and the classes, and
    after the first of `steps` steps also for the weights to start from and the parameters that are trained.
    """
    if before is None:
        return []
    then = {**before, "recipe": _completed(before["recipe"])}
    old, new = _flat(then), _flat(now)
    ignored = _CHOOSES_DATA if "data" in then and then["data"] == now.get("data") else ()
    differing = [key for key in new if key.split(".")[0] in then and old.get(key) != new[key] and key not in ignored]
    fixed = [key for key in differing if key.removeprefix("recipe.").startswith(_FIXED)]
    lines = [f"{key.removeprefix('recipe.')} was {old.get(key)}, is {new[key]}" for key in fixed or differing]
    if len(lines) > _MOST_LISTED_CHANGES:
        lines = [*lines[:_MOST_LISTED_CHANGES], f"and {len(lines) - _MOST_LISTED_CHANGES} more"]
    listed = "; ".join(lines)
    if fixed:
        raise TrainingError(
            f"{folder} holds a run that cannot continue with another model or other classes ({listed}): choose another "
            "--out; --set start_weights=FILE starts from existing weights"
        )
    if steps:
        _refuse_late_changes(old, new, differing, folder=folder, steps=steps)
    if differing and not accept:
        raise TrainingError(
            f"{folder} was trained with other settings or data ({listed}): continue anyway with --accept-changes, "
            "or choose another --out"
        )
    return lines


def _refuse_late_changes(
    old: dict[str, Any], new: dict[str, Any], differing: list[str], *, folder: Path, steps: int
) -> None:
    """TrainingError for changes that a run ignores after its first step, or whose momenta it does not have."""
    for name in _FIXED_AFTER_STEPS:
        key = f"recipe.{name}"
        if key not in differing or (name == "optimizer.rates" and _same_groups(old.get(key), new[key])):
            continue
        raise TrainingError(
            f"{folder} holds a run at step {steps}, and {name} counts from the first step on (it was {old.get(key)}, "
            f"is {new[key]}): choose another --out; --set start_weights=FILE starts from existing weights"
        )


def _same_groups(before: Any, now: list[Any]) -> bool:
    """Whether rate rules select and freeze the same parameters, so that the momenta of a checkpoint fit."""
    try:
        return [(pattern, rate == 0) for pattern, rate in before] == [(pattern, rate == 0) for pattern, rate in now]
    except (TypeError, ValueError):  # a recipe that this version cannot read
        return False


def same_metric(before: dict[str, Any] | None, recipe: Recipe) -> bool:
    """Return whether the scores of a run so far can be compared with those to come."""
    if before is None:
        return True
    then, now = _completed(before["recipe"]), recipe.to_json()
    return all(then.get(key) == now[key] for key in ("metric", "validation_split", "holdout", "pixel_rule"))


def _completed(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe that an earlier version wrote, with new settings at their defaults."""
    try:
        return Recipe.from_json(recipe).to_json()
    except UsageError:
        return recipe


def _flat(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat
