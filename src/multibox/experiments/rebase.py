"""Another base network or input size for a recipe: `--set model.base=NAME` and `--set model.size=SIZE`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from multibox.errors import UsageError
from multibox.models.any_size import parse_size, ssd_config
from multibox.models.bases.config import BaseConfig
from multibox.models.bases.known import find_base
from multibox.training.optimizer import OptimizerConfig
from multibox.training.run import LoopConfig

if TYPE_CHECKING:
    from multibox.experiments.recipe import Recipe

_BASE, _SIZE, _WEIGHTS = "model.base=", "model.size=", "base_weights="


def rebase(recipe: "Recipe", settings: Sequence[str]) -> "tuple[Recipe, list[str]]":
    """The recipe with the base and the size that the settings name, and the other settings.

    The model becomes that of `ssd_config`; a model whose base and size stay the same is not changed. A recipe that
    starts from ImageNet weights starts from those of the new base, and what it says about their layers, by the patterns
    of the old base, then holds for the layers of the new one. Raises UsageError if the base or the size is unknown or
    does not fit, or if no weights of the new base are known and the settings name none.
    """
    base = _last(settings, _BASE)
    size = _last(settings, _SIZE)
    if base is not None and base.lstrip().startswith("{"):
        base = None  # fields of a base in JSON, not a name
    if base is None and size is None:
        return recipe, list(settings)
    rest = [text for text in settings if not text.startswith(_SIZE) and (base is None or not text.startswith(_BASE))]
    chosen = recipe.model.base if base is None else find_base(base)
    sides = recipe.model.input_size if size is None else parse_size(size)
    if chosen == recipe.model.base and sides == recipe.model.input_size:
        return recipe, rest
    changed = replace(recipe, model=ssd_config(base or chosen, sides))
    if chosen == recipe.model.base or not recipe.base_weights:
        return changed, rest
    if chosen.usual_weights is None and _last(rest, _WEIGHTS) is None:
        raise UsageError(
            f"{recipe.name} starts from ImageNet weights, and none are known for the base {base}: add "
            "--set base_weights=null to train it from random values"
        )
    old = recipe.model.base
    return replace(
        changed,
        base_weights=chosen.usual_weights,
        optimizer=_optimizer(recipe.optimizer, old, chosen),
        loop=_loop(recipe.loop, old, chosen),
    ), rest


def _last(settings: Sequence[str], prefix: str) -> str | None:
    return next((text.removeprefix(prefix) for text in reversed(settings) if text.startswith(prefix)), None)


def _pattern(pattern: str, old: BaseConfig, new: BaseConfig) -> str:
    return {old.imagenet_layers: new.imagenet_layers, old.first_layers: new.first_layers}.get(pattern, pattern)


def _optimizer(config: OptimizerConfig, old: BaseConfig, new: BaseConfig) -> OptimizerConfig:
    return replace(
        config, rates=tuple(rule._replace(pattern=_pattern(rule.pattern, old, new)) for rule in config.rates)
    )


def _loop(config: LoopConfig, old: BaseConfig, new: BaseConfig) -> LoopConfig:
    fixed = config.fixed_statistics
    return config if fixed is None else replace(config, fixed_statistics=_pattern(fixed, old, new))
