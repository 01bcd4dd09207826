"""A recipe: one experiment as a frozen dataclass, and the changes that `--set key=value` makes to it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from multibox.data.augmentation.augmentation import Augmentation, find_augmentation
from multibox.errors import UsageError
from multibox.evaluation.metrics import DEFAULT_METRIC, find_metric
from multibox.loss import LossConfig
from multibox.models.config import ModelConfig
from multibox.tiling.file import read_priors
from multibox.training.loop import LoopConfig
from multibox.training.optimizer import OptimizerConfig, Schedule


@dataclass(frozen=True)
class Recipe:
    """Model, data, augmentation, loss, optimizer, schedule and evaluation of one experiment.

    `train_split` and `validation_split` are names of the data set's splits, None for the natural training split and for
    no validation. Of a data set's `classes` these are learned, None for all. `base_weights` is a file or a name for the
    base network, None to train from scratch. `start_weights` is a file or a name for a whole detector to start from,
    whose classes are taken over by name, or as VOC's from COCO's. `use_difficult`: difficult objects are targets, as in
    the official VOC scripts.
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
    classes: tuple[str, ...] | None = None
    metric: str = DEFAULT_METRIC
    pixels: Literal["voc", "caffe"] = "voc"
    use_difficult: bool = True
    base_weights: str | None = None
    start_weights: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        find_metric(self.metric)

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Recipe":
        """Raises UsageError that names the first field whose value does not fit."""
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(cls).validate_python(fields)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{key}={first['input']!r} does not fit: {first['msg'].lower()}") from None


def override(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with each "key=value" applied; a key is a path like "schedule.iterations".

    A value is read as JSON, or taken as text where it is none. "augmentation" takes the name of a known one,
    "model.priors" a file that `multibox priors fit` wrote. Raises UsageError that names what is not known and lists
    what is, InputError where priors do not fit the model.
    """
    fields = recipe.to_json()
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting!r} is no setting: write key=value, for example schedule.iterations=2000")
        _assign(fields, key, _value(key, text, fields))
    return Recipe.from_json(fields)


def _assign(fields: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for part in path:
        inner = fields.get(part)
        if not isinstance(inner, dict):
            raise UsageError(f"--set {key}: {part!r} is no group of settings here; there are {_names(fields)}")
        fields = inner
    if last not in fields:
        raise UsageError(f"--set {key}: {last!r} is no setting here; there are {_names(fields)}")
    fields[last] = value


def _names(fields: dict[str, Any]) -> str:
    return ", ".join(sorted(fields))


def _value(key: str, text: str, fields: dict[str, Any]) -> Any:
    if key == "augmentation":
        return asdict(find_augmentation(text))
    if key == "model.priors" and not text.lstrip().startswith("{"):
        return asdict(read_priors(Path(text), like=ModelConfig.from_json(fields["model"]).priors))
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
