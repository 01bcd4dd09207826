"""Checks of a model description, made before anything is built from it.

A description can come from a damaged or hostile file. Each number is compared with its range, and the priors with the
maps that the network really makes: an error here would be a crash later, or detections that are silently wrong.
"""

from collections.abc import Iterator

from multibox.models.config import ModelConfig, source_cells
from multibox.models.heads import Extra
from multibox.models.rule_faults import (
    Check,
    few_enough,
    first_fault,
    input_checks,
    map_checks,
    threshold_checks,
    within,
)

MAX_CHANNELS = 4096


def find_fault(config: ModelConfig) -> str | None:
    """The first invalid value and its rule, as text for a message; None if all values are valid."""
    return first_fault(_checks(config))


def _checks(config: ModelConfig) -> Iterator[Check]:
    """Whether each rule holds, and the message if not. Later rules rely on earlier ones."""
    base_fault = config.base.fault()
    yield base_fault is None, f"base.{base_fault}"
    alone = not config.base.owns_heads or (not config.extras and config.sources is None)
    yield alone, f"extras and sources must be empty, because base {config.base.kind!r} has its own heads"
    yield len(config.extras) <= 16, f"extras has {len(config.extras)} layers, at most 16 are allowed"
    for number, extra in enumerate(config.extras):
        yield from _extra_checks(extra, f"extras.{number}")
    yield from _normalization_checks(config)
    yield from threshold_checks(config.detection)
    yield from _prior_checks(config)


def _extra_checks(extra: Extra, key: str) -> Iterator[Check]:
    yield within(f"{key}.squeeze", extra.squeeze, 1, MAX_CHANNELS)
    yield within(f"{key}.out", extra.out, 1, MAX_CHANNELS)
    yield within(f"{key}.kernel", extra.kernel, 1, 15)
    yield within(f"{key}.stride", extra.stride, 1, 15)
    yield within(f"{key}.padding", extra.padding, 0, extra.kernel - 1)


def _normalization_checks(config: ModelConfig) -> Iterator[Check]:
    for number in range(3):
        yield within(f"mean.{number}", config.mean[number], -1000, 1000)
        yield within(f"std.{number}", config.std[number], 0.001, 10_000)
    for number, variance in enumerate(config.variances):
        yield within(f"variances.{number}", variance, 0.0001, 100)


def _prior_checks(config: ModelConfig) -> Iterator[Check]:
    spec = config.priors
    yield from input_checks(spec)
    size_fault = config.base.size_fault(spec.input_size)
    yield size_fault is None, f"base.{size_fault}"
    cells = source_cells(spec.input_size, base=config.base, extras=config.extras)
    yield all(min(c) >= 1 for c in cells), f"extras has {len(config.extras)} layers, and the last one gets no cells"
    positions = range(len(cells)) if config.sources is None else config.sources
    yield 1 <= len(positions) <= 32, f"sources has {len(positions)} positions, 1 to 32 are allowed"
    valid = all(0 <= position < len(cells) for position in positions)
    yield valid, f"sources is {list(positions)}, which are not all positions of the network's {len(cells)} maps"
    yield len(spec.maps) == len(positions), f"priors has {len(spec.maps)} maps, but the network has {len(positions)}"
    for number, (source, position) in enumerate(zip(spec.maps, positions, strict=True)):
        key = f"priors.maps.{number}"
        made = cells[position]
        yield (
            source.cells == made,
            f"{key}.cells is {source.cells[0]} x {source.cells[1]}, but the network makes {made[0]} x {made[1]}",
        )
        yield from map_checks(source, key)
    yield few_enough(spec)
