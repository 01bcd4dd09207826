"""Checks of the numbers of a recipe, made before anything is computed from them."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from multibox.models.rule_faults import Check, first_fault, within

if TYPE_CHECKING:
    from multibox.experiments.recipe import Recipe

_MANY = 10**9


def find_recipe_fault(recipe: "Recipe") -> str | None:
    """The first invalid number or pattern outside the model and its rule, as text; None if all are valid."""
    return first_fault(_checks(recipe))


def _checks(recipe: "Recipe") -> Iterator[Check]:
    yield from _schedule_checks(recipe)
    yield from _loop_checks(recipe)
    yield from _optimizer_checks(recipe)
    yield from _loss_checks(recipe)
    yield from _augmentation_checks(recipe)
    yield within("seed", recipe.seed, 0, 2**63 - 1)


def _schedule_checks(recipe: "Recipe") -> Iterator[Check]:
    schedule = recipe.schedule
    yield within("schedule.iterations", schedule.iterations, 1, _MANY)
    yield within("schedule.rate", schedule.rate, 0, _MANY)
    yield within("schedule.gamma", schedule.gamma, 0, _MANY)
    yield within("schedule.warmup", schedule.warmup, 0, _MANY)


def _loop_checks(recipe: "Recipe") -> Iterator[Check]:
    loop = recipe.loop
    yield within("loop.batch_size", loop.batch_size, 1, _MANY)
    yield within("loop.accumulate", loop.accumulate, 1, _MANY)
    yield _below_one("loop.ema", loop.ema)
    yield within("loop.report_every", loop.report_every, 0, _MANY)
    yield within("loop.checkpoint_every", loop.checkpoint_every, 0, _MANY)
    yield within("loop.validate_every", loop.validate_every, 0, _MANY)
    yield within("loop.patience", loop.patience, 0, _MANY)
    if loop.fixed_statistics is not None:
        yield _pattern("loop.fixed_statistics", loop.fixed_statistics)


def _optimizer_checks(recipe: "Recipe") -> Iterator[Check]:
    optimizer = recipe.optimizer
    yield _below_one("optimizer.momentum", optimizer.momentum)
    yield within("optimizer.weight_decay", optimizer.weight_decay, 0, _MANY)
    yield within("optimizer.clip", optimizer.clip, 0, _MANY)
    for number, rule in enumerate(optimizer.rates):
        yield _pattern(f"optimizer.rates.{number}.pattern", rule.pattern)
        yield within(f"optimizer.rates.{number}.rate", rule.rate, 0, _MANY)


def _loss_checks(recipe: "Recipe") -> Iterator[Check]:
    loss = recipe.loss
    yield within("loss.match_threshold", loss.match_threshold, 0, 1)
    yield within("loss.negative_ratio", loss.negative_ratio, 0, _MANY)
    yield within("loss.negative_overlap", loss.negative_overlap, 0, 1)
    yield within("loss.location_weight", loss.location_weight, 0, _MANY)
    yield within("loss.background_negatives", loss.background_negatives, 0, _MANY)


def _augmentation_checks(recipe: "Recipe") -> Iterator[Check]:
    augmentation = recipe.augmentation
    for name in ("zoom_out", "mirror", "upside_down", "quarter_turn"):
        yield within(f"augmentation.{name}", getattr(augmentation, name), 0, 1)
    yield within("augmentation.zoom_out_ratio", augmentation.zoom_out_ratio, 1, 100)
    yield bool(augmentation.interpolations), "augmentation.interpolations is empty: it lists at least one"
    if augmentation.jpeg_quality is not None:
        yield within("augmentation.jpeg_quality", augmentation.jpeg_quality, 1, 100)


def _below_one(name: str, value: float) -> Check:
    return 0 <= value < 1, f"{name}={value:g} is not from 0 to below 1"


def _pattern(name: str, pattern: str) -> Check:
    """Whether a regular expression can be read."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as problem:
        return False, f"{name}={pattern[:100]!r} is no regular expression: {problem}"
    return True, ""
