"""Another model for a recipe: `--set model=FILE`, `--set model.base=NAME` and `--set model.size=SIZE`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from multibox.errors import UsageError
from multibox.models.any_size import parse_size, ssd_config
from multibox.models.bases.config import BaseConfig
from multibox.models.bases.known import find_base
from multibox.models.config import ModelConfig
from multibox.training.optimizer import OptimizerConfig
from multibox.training.run import LoopConfig

if TYPE_CHECKING:
    from multibox.experiments.recipe import Recipe

_MODEL, _BASE, _SIZE, _WEIGHTS = "model=", "model.base=", "model.size=", "base_weights="


def rebase(recipe: "Recipe", settings: Sequence[str]) -> "tuple[Recipe, list[str]]":
    """The recipe with the model that the settings name, and the other settings.

    "model" names a weight file or published weights: the recipe trains that detector, and starts from it. "model.base"
    and "model.size" name a base network and an input size: the model becomes that of `ssd_config`; one whose base and
    size stay the same is not changed. A recipe that starts from ImageNet weights starts from those of the new base, and
    what it says about the layers of the old base, by that base's patterns, then holds for those of the new one.

    Raises UsageError if a name or a size is unknown or does not fit, or if no weights of the new base are known and the
    settings name none; WeightsError if the file cannot be read.
    """
    given = {prefix: _last(settings, prefix) for prefix in (_MODEL, _BASE, _SIZE)}
    chosen = {prefix: text for prefix, text in given.items() if text is not None and not _is_json(text)}
    if not chosen:
        return recipe, list(settings)
    rest = [text for text in settings if not any(text.startswith(prefix) for prefix in chosen)]
    if _MODEL in chosen:
        if len(chosen) > 1:
            raise UsageError(
                f"--set model={chosen[_MODEL]} brings its base and size: leave out model.base and model.size"
            )
        return _from_weights(recipe, chosen[_MODEL]), rest
    has_weights = _last(rest, _WEIGHTS) is not None
    return _with_base(recipe, chosen.get(_BASE), chosen.get(_SIZE), has_weights=has_weights), rest


def _from_weights(recipe: "Recipe", source: str) -> "Recipe":
    from multibox.weights.source import open_weights

    if not source:
        raise UsageError("--set model= names nothing: give a weight file, or the name of published weights")
    model, _ = open_weights(Path(source) if Path(source).suffix else source)
    return replace(_with_model(recipe, model.config), base_weights=None, start_weights=source)


def _with_base(recipe: "Recipe", base: str | None, size: str | None, *, has_weights: bool) -> "Recipe":
    old = recipe.model.base
    chosen = old if base is None else find_base(base)
    sides = recipe.model.input_size if size is None else parse_size(size)
    if chosen == old and sides == recipe.model.input_size:
        return recipe
    changed = _with_model(recipe, ssd_config(base or chosen, sides))
    if chosen == old or not recipe.base_weights:
        return changed
    if chosen.usual_weights is None and not has_weights:
        raise UsageError(
            f"{recipe.name} starts from ImageNet weights, and none are known for the base {base}: add "
            "--set base_weights=null to train it from random values"
        )
    return replace(changed, base_weights=chosen.usual_weights)


def _with_model(recipe: "Recipe", model: ModelConfig) -> "Recipe":
    old, new = recipe.model.base, model.base
    return replace(
        recipe,
        model=model,
        optimizer=_optimizer(recipe.optimizer, old, new),
        loop=_loop(recipe.loop, old, new),
    )


def _last(settings: Sequence[str], prefix: str) -> str | None:
    return next((text.removeprefix(prefix) for text in reversed(settings) if text.startswith(prefix)), None)


def _is_json(text: str) -> bool:
    """Whether a value has fields in JSON instead of a name."""
    return text.lstrip().startswith("{")


def _pattern(pattern: str, old: BaseConfig, new: BaseConfig) -> str:
    return {old.imagenet_layers: new.imagenet_layers, old.first_layers: new.first_layers}.get(pattern, pattern)


def _optimizer(config: OptimizerConfig, old: BaseConfig, new: BaseConfig) -> OptimizerConfig:
    rates = (rule._replace(pattern=_pattern(rule.pattern, old, new)) for rule in config.rates)
    return replace(config, rates=tuple(rates))


def _loop(config: LoopConfig, old: BaseConfig, new: BaseConfig) -> LoopConfig:
    fixed = config.fixed_statistics
    return config if fixed is None else replace(config, fixed_statistics=_pattern(fixed, old, new))
