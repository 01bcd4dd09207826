"""A recipe, one experiment as a frozen dataclass, and its changes by `--set key=value`."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from multibox.data.augmentation.augmentation import Augmentation, find_augmentation
from multibox.errors import DataError, UsageError
from multibox.evaluation.metrics import DEFAULT_METRIC, find_metric
from multibox.experiments.rebase import rebase
from multibox.experiments.recipe_faults import find_recipe_fault
from multibox.experiments.setting_form import inside_no_group, is_group, list_form
from multibox.loss import LossConfig
from multibox.models.config import ModelConfig
from multibox.models.faults import find_fault
from multibox.system.json import parse_json
from multibox.tiling.file import read_priors
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.run import LoopConfig
from multibox.weights.format1 import recipe_from_format1

_VALIDATIONS = 6


@dataclass(frozen=True)
class Recipe:
    """Model, data, augmentation, loss, optimizer, schedule and evaluation of one experiment.

    `train_split` and `validation_split` are names of the data set's splits, None for its usual training split and for
    no validation. `holdout` is the share of the training images that is held out to score the run if the data set has
    no validation split, 0 for none. `classes` selects the classes to learn, None for all. `pixel_rule` is the rule by
    which VOC files count pixels. `base_weights` is the file or name of weights for the base network, None to train it
    from scratch. `start_weights` is the file or name of a whole detector to start from; its classes are matched by
    name, and VOC's can start from COCO's. `use_difficult` makes difficult objects targets, as in the official VOC
    scripts.
    """

    name: str
    model: ModelConfig
    schedule: Schedule
    augmentation: Augmentation
    loop: LoopConfig = field(default_factory=LoopConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train_split: str | None = None
    validation_split: str | None = None
    holdout: float = 0.0
    classes: tuple[str, ...] | None = None
    metric: str = DEFAULT_METRIC
    pixel_rule: Literal["voc", "caffe"] = "voc"
    use_difficult: bool = True
    base_weights: str | None = None
    start_weights: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        find_metric(self.metric)
        fault = find_recipe_fault(self)
        if fault is not None:
            raise UsageError(f"the recipe {self.name} cannot be trained: {fault}")

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` reads back."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Recipe":
        """Read what `to_json` returned, also in version 0.1.0. Raises UsageError naming the first wrong field."""
        try:
            return cls._validated(recipe_from_format1(fields))
        except (KeyError, TypeError) as error:
            raise UsageError(
                f"the recipe describes its model as version 0.1.0 did, but lacks a field: {error}"
            ) from None

    @classmethod
    def _validated(cls, fields: dict[str, Any]) -> "Recipe":
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(cls).validate_python(fields)
        except ValidationError as error:
            raise UsageError(_described(error.errors()[0], cls)) from None


def with_holdout(recipe: Recipe, share: float) -> Recipe:
    """The recipe that holds out this share, and scores the run at least six times if it did not score it before."""
    if not share:
        return replace(recipe, holdout=0.0)
    every = recipe.loop.validate_every or max(1, -(-recipe.schedule.iterations // _VALIDATIONS))
    return replace(recipe, holdout=share, loop=replace(recipe.loop, validate_every=every))


def override(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """Return the recipe with each "key=value" applied; a key is a path like "schedule.iterations".

    A value is JSON, or else text. "augmentation" takes the name of an augmentation and "model.priors" a file that
    `multibox priors fit` wrote. "model.base" takes the name of a base network, "model.size" an input size, and "model"
    a weight file to start from: these replace the model before the other settings are applied (`rebase`). Raises
    UsageError that names an unknown key and lists the known ones, InputError if priors do not fit the model.
    """
    if not settings:
        return recipe
    recipe, rest = rebase(recipe, settings)
    fields = recipe.to_json()
    for setting in rest:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(
                f"--set {setting!r} is not a setting: write key=value, for example schedule.iterations=2000"
            )
        _assign(fields, key, _value(key, text, fields))
    changed = Recipe._validated(fields)  # not from_json: values of version 0.1.0 are no values of --set
    _refuse_unknown(fields, changed.to_json())
    fault = find_fault(changed.model)
    if fault is not None:
        raise UsageError(f"--set {' --set '.join(settings)}: no such model can be built, because {fault}")
    return changed


def _described(error: Any, root: type) -> str:
    """Return one line for what pydantic says about a field: the value, the rule and how to write it."""
    path, given = [str(part) for part in error["loc"]], repr(error["input"])[:200]
    if error["type"] == "missing":
        *path, lacking = path
        what = f"entry {int(lacking) + 1}" if lacking.isdigit() else lacking
        return f"{'.'.join(path) or 'the recipe'}={given} does not fit: {what} is missing"
    rule = re.sub(" or an instance of .*", "", error["msg"]).lower()
    rule = rule.replace("valid tuple", "valid list").replace("tuple, list, dictionary", "list")
    hint = list_form(root, path, error["input"]) if error["type"] == "tuple_type" else ""
    if error["type"] == "dataclass_type":
        rule = "it is a group of settings, written as one JSON object"
    return f"{'.'.join(path)}={given} does not fit: {rule}{hint}"


_SIZES = ("size", "input_size", "image_size", "imgsz")


def _assign(fields: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for place, part in enumerate(path, start=1):
        if part not in fields:
            raise UsageError(f"--set {key}: {part!r} is not a group of settings here; there are {_names(fields)}")
        inner = fields[part]
        if inner is None and is_group(Recipe, path[:place]):
            raise UsageError(f"--set {key}: {_null_group(key, part, value)}")
        if not isinstance(inner, dict):
            raise UsageError(f"--set {key}: {inside_no_group(key, place, inner)}")
        fields = inner
    if last not in fields and last in _SIZES:
        raise UsageError(
            f"--set {key} is not a setting: the input size is model.size, for example --set model.size=416"
        )
    if last not in fields:
        raise UsageError(f"--set {key}: {last!r} is not a setting here; there are {_names(fields)}")
    if isinstance(fields[last], dict) and isinstance(value, str):
        raise UsageError(f"--set {key}={value} sets a group of settings: set one of {', '.join(fields[last])}, or JSON")
    fields[last] = value


def _refuse_unknown(given: dict[str, Any], known: dict[str, Any], *, group: str = "") -> None:
    """UsageError for a setting in a JSON object that the recipe did not take."""
    for name, value in given.items():
        if name not in known:
            raise UsageError(f"--set {group}{name}: {name!r} is not a setting here; there are {_names(known)}")
        if isinstance(value, dict) and isinstance(known[name], dict):
            _refuse_unknown(value, known[name], group=f"{group}{name}.")


def _null_group(key: str, part: str, value: Any) -> str:
    """Return how to set a group that is null: all of it, as JSON."""
    path = key.split(".")
    place = path.index(part) + 1
    for name in reversed(path[place:]):
        value = {name: value}
    group = ".".join(path[:place])
    return f"{group} is null and has no settings; set all of it, '{group}={json.dumps(value)}'"


def _names(fields: dict[str, Any]) -> str:
    return ", ".join(sorted(fields))


def _value(key: str, text: str, fields: dict[str, Any]) -> Any:
    if key == "augmentation":
        return asdict(find_augmentation(text))
    if key == "model.priors" and not text.lstrip().startswith("{"):
        return asdict(read_priors(Path(text), like=ModelConfig.from_json(fields["model"]).priors))
    try:
        return parse_json(text, name=key)
    except DataError:
        return text
