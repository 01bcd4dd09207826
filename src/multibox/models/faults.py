"""Checks of a model description, made before anything is built from it.

A description can come from a damaged or hostile file. Each number is compared with its range, and the priors with the
maps that the network really makes: an error here would be a crash later, or detections that are silently wrong.
"""

from collections.abc import Iterator, Sequence
from math import isfinite

from multibox.models.config import ModelConfig, source_cells
from multibox.models.heads import Extra
from multibox.nms import DetectionSettings
from multibox.priors import PriorMap, PriorSpec

MAX_SIDE = 4096
MAX_CHANNELS = 4096
MAX_PRIORS = 500_000
MAX_SCORES = 50_000_000
"""Scores of one image: priors times classes, background included. SSD512 with 2,000 classes has this many."""
MAX_CLASSES = 32_767
MAX_DETECTIONS = 100_000_000

Check = tuple[bool, str]


def find_fault(config: ModelConfig) -> str | None:
    """The first invalid value and its rule, as text for a message; None if all values are valid."""
    return _first_fault(_checks(config))


def find_class_fault(class_names: Sequence[str], *, priors: int) -> str | None:
    """The same for the class names of a detector with so many priors."""
    return _first_fault(_class_checks(class_names, priors=priors))


def find_prior_fault(spec: PriorSpec) -> str | None:
    """The same for priors that belong to no network yet."""
    return _first_fault(_spec_checks(spec))


def _first_fault(checks: Iterator[Check]) -> str | None:
    return next((fault for holds, fault in checks if not holds), None)


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
    yield from _threshold_checks(config.detection)
    yield from _prior_checks(config)


def _extra_checks(extra: Extra, key: str) -> Iterator[Check]:
    yield _within(f"{key}.squeeze", extra.squeeze, 1, MAX_CHANNELS)
    yield _within(f"{key}.out", extra.out, 1, MAX_CHANNELS)
    yield _within(f"{key}.kernel", extra.kernel, 1, 15)
    yield _within(f"{key}.stride", extra.stride, 1, 15)
    yield _within(f"{key}.padding", extra.padding, 0, extra.kernel - 1)


def _normalization_checks(config: ModelConfig) -> Iterator[Check]:
    for number in range(3):
        yield _within(f"mean.{number}", config.mean[number], -1000, 1000)
        yield _within(f"std.{number}", config.std[number], 0.001, 10_000)
    for number, variance in enumerate(config.variances):
        yield _within(f"variances.{number}", variance, 0.0001, 100)


def _threshold_checks(detection: DetectionSettings) -> Iterator[Check]:
    yield _within("detection.score_threshold", detection.score_threshold, 0, 1)
    yield _within("detection.nms_threshold", detection.nms_threshold, 0, 1)
    yield _within("detection.per_class", detection.per_class, 1, MAX_DETECTIONS)
    yield _within("detection.per_image", detection.per_image, 1, MAX_DETECTIONS)
    yield _within("detection.eta", detection.eta, 0.01, 1)


def _spec_checks(spec: PriorSpec) -> Iterator[Check]:
    yield from _input_checks(spec)
    yield 1 <= len(spec.maps) <= 32, f"priors has {len(spec.maps)} maps, 1 to 32 are allowed"
    for number, source in enumerate(spec.maps):
        key = f"priors.maps.{number}"
        yield _within(f"{key}.cells.height", source.cells.height, 1, MAX_SIDE)
        yield _within(f"{key}.cells.width", source.cells.width, 1, MAX_SIDE)
        yield from _map_checks(source, key)
    yield _few_enough(spec)


def _prior_checks(config: ModelConfig) -> Iterator[Check]:
    spec = config.priors
    yield from _input_checks(spec)
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
        yield from _map_checks(source, key)
    yield _few_enough(spec)


def _input_checks(spec: PriorSpec) -> Iterator[Check]:
    for name, side in zip(("height", "width"), spec.input_size, strict=True):
        yield _within(f"priors.input_size.{name}", side, 1, MAX_SIDE)


def _few_enough(spec: PriorSpec) -> Check:
    return spec.count <= MAX_PRIORS, f"priors has {spec.count} boxes, at most {MAX_PRIORS} are allowed"


def _map_checks(source: PriorMap, key: str) -> Iterator[Check]:
    yield _within(f"{key}.step.height", source.step.height, 0.01, 10 * MAX_SIDE)
    yield _within(f"{key}.step.width", source.step.width, 0.01, 10 * MAX_SIDE)
    yield _within(f"{key}.min_size", source.min_size, 1, 10 * MAX_SIDE)
    if source.max_size is not None:
        yield _within(f"{key}.max_size", source.max_size, 1, 10 * MAX_SIDE)
    yield len(source.ratios) <= 100, f"{key}.ratios has {len(source.ratios)} values, at most 100 are allowed"
    for number, ratio in enumerate(source.ratios):
        yield _within(f"{key}.ratios.{number}", ratio, 0.001, 1000)
    yield from _listed_checks(source, key)


def _listed_checks(source: PriorMap, key: str) -> Iterator[Check]:
    yield len(source.boxes) <= 1000, f"{key}.boxes has {len(source.boxes)} boxes, at most 1000 are allowed"
    for number, box in enumerate(source.boxes):
        for name, side in zip(("height", "width"), box, strict=True):
            yield _within(f"{key}.boxes.{number}.{name}", side, 0.01, 10 * MAX_SIDE)
    yield _within(f"{key}.offset", source.offset, -10, 10)
    for number, variance in enumerate(source.variances or ()):
        yield _within(f"{key}.variances.{number}", variance, 0.0001, 100)
    for name, side in zip(("height", "width"), source.image_size or (), strict=False):
        yield _within(f"{key}.image_size.{name}", side, 1, MAX_SIDE)


def _class_checks(names: Sequence[str], *, priors: int) -> Iterator[Check]:
    yield 1 <= len(names) <= MAX_CLASSES, f"class_names has {len(names)} names, 1 to {MAX_CLASSES} are allowed"
    seen: set[str] = set()
    for number, name in enumerate(names):
        yield 1 <= len(name.strip()) <= 1000, f"class_names.{number} has {len(name)} letters, it must have 1 to 1000"
        yield name not in seen, f"class_names has {name!r} twice"
        seen.add(name)
    scores = priors * (len(names) + 1)
    yield scores <= MAX_SCORES, f"{priors} priors with {len(names)} classes have {scores} scores, above {MAX_SCORES}"


def _within(key: str, value: float, low: float, high: float) -> Check:
    return isfinite(value) and low <= value <= high, f"{key} is {value}, it must be {low} to {high}"
