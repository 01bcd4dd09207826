"""Checks of the numbers that postprocessing uses, made before anything is computed from them.

They can come from a damaged or hostile file. `multibox.models.faults` adds the checks of a whole model.
"""

from collections.abc import Iterator, Sequence
from math import isfinite

from multibox.output_rules import DetectionSettings, OutputRules
from multibox.priors import PriorMap, PriorSpec

MAX_SIDE = 4096
MAX_PRIORS = 500_000
MAX_SCORES = 50_000_000
"""Scores of one image: priors times classes, background included. SSD512 with 2,000 classes has this many."""
MAX_CLASSES = 32_767
MAX_DETECTIONS = 100_000_000

Check = tuple[bool, str]


def find_rules_fault(rules: OutputRules) -> str | None:
    """The first invalid value of an exported model's rules and its own rule, as text; None if all values are valid."""
    return first_fault(_rules_checks(rules))


def find_class_fault(class_names: Sequence[str], *, priors: int) -> str | None:
    """The same for the class names of a detector with so many priors."""
    return first_fault(_class_checks(class_names, priors=priors))


def find_prior_fault(spec: PriorSpec) -> str | None:
    """The same for priors that belong to no network yet."""
    return first_fault(_spec_checks(spec))


def first_fault(checks: Iterator[Check]) -> str | None:
    return next((fault for holds, fault in checks if not holds), None)


def _rules_checks(rules: OutputRules) -> Iterator[Check]:
    for number, variance in enumerate(rules.variances):
        yield within(f"variances.{number}", variance, 0.0001, 100)
    yield from threshold_checks(rules.detection)
    yield from _spec_checks(rules.priors)


def threshold_checks(detection: DetectionSettings) -> Iterator[Check]:
    yield within("detection.score_threshold", detection.score_threshold, 0, 1)
    yield within("detection.nms_threshold", detection.nms_threshold, 0, 1)
    yield within("detection.per_class", detection.per_class, 1, MAX_DETECTIONS)
    yield within("detection.per_image", detection.per_image, 1, MAX_DETECTIONS)
    yield within("detection.eta", detection.eta, 0.01, 1)


def _spec_checks(spec: PriorSpec) -> Iterator[Check]:
    yield from input_checks(spec)
    yield 1 <= len(spec.maps) <= 32, f"priors has {len(spec.maps)} maps, 1 to 32 are allowed"
    for number, source in enumerate(spec.maps):
        key = f"priors.maps.{number}"
        yield within(f"{key}.cells.height", source.cells.height, 1, MAX_SIDE)
        yield within(f"{key}.cells.width", source.cells.width, 1, MAX_SIDE)
        yield from map_checks(source, key)
    yield few_enough(spec)


def input_checks(spec: PriorSpec) -> Iterator[Check]:
    for name, side in zip(("height", "width"), spec.input_size, strict=True):
        yield within(f"priors.input_size.{name}", side, 1, MAX_SIDE)


def few_enough(spec: PriorSpec) -> Check:
    return spec.count <= MAX_PRIORS, f"priors has {spec.count} boxes, at most {MAX_PRIORS} are allowed"


def map_checks(source: PriorMap, key: str) -> Iterator[Check]:
    yield within(f"{key}.step.height", source.step.height, 0.01, 10 * MAX_SIDE)
    yield within(f"{key}.step.width", source.step.width, 0.01, 10 * MAX_SIDE)
    yield within(f"{key}.min_size", source.min_size, 1, 10 * MAX_SIDE)
    if source.max_size is not None:
        yield within(f"{key}.max_size", source.max_size, 1, 10 * MAX_SIDE)
    yield len(source.ratios) <= 100, f"{key}.ratios has {len(source.ratios)} values, at most 100 are allowed"
    for number, ratio in enumerate(source.ratios):
        yield within(f"{key}.ratios.{number}", ratio, 0.001, 1000)
    yield from _listed_checks(source, key)


def _listed_checks(source: PriorMap, key: str) -> Iterator[Check]:
    yield len(source.boxes) <= 1000, f"{key}.boxes has {len(source.boxes)} boxes, at most 1000 are allowed"
    for number, box in enumerate(source.boxes):
        for name, side in zip(("height", "width"), box, strict=True):
            yield within(f"{key}.boxes.{number}.{name}", side, 0.01, 10 * MAX_SIDE)
    yield within(f"{key}.offset", source.offset, -10, 10)
    for number, variance in enumerate(source.variances or ()):
        yield within(f"{key}.variances.{number}", variance, 0.0001, 100)
    for name, side in zip(("height", "width"), source.image_size or (), strict=False):
        yield within(f"{key}.image_size.{name}", side, 1, MAX_SIDE)


def _class_checks(names: Sequence[str], *, priors: int) -> Iterator[Check]:
    yield 1 <= len(names) <= MAX_CLASSES, f"class_names has {len(names)} names, 1 to {MAX_CLASSES} are allowed"
    seen: set[str] = set()
    for number, name in enumerate(names):
        yield 1 <= len(name.strip()) <= 1000, f"class_names.{number} has {len(name)} letters, it must have 1 to 1000"
        yield name not in seen, f"class_names has {name!r} twice"
        seen.add(name)
    scores = priors * (len(names) + 1)
    yield scores <= MAX_SCORES, f"{priors} priors with {len(names)} classes have {scores} scores, above {MAX_SCORES}"


def within(key: str, value: float, low: float, high: float) -> Check:
    return isfinite(value) and low <= value <= high, f"{key} is {value}, it must be {low} to {high}"
