"""Priors fitted to a data set, and what they gain on its images and on others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.transform import draw_transform, transform_boxes
from multibox.data.dataset import Dataset, Example
from multibox.errors import DataError, UsageError
from multibox.priors import PriorSpec
from multibox.size import Size
from multibox.tiling.coverage import Coverage, measure_coverage, relative_boxes
from multibox.tiling.search import search_priors

_MOST = 5000  # images
_SAMPLES = 2  # training samples of each image
_SEED = 0


@dataclass(frozen=True)
class Gain:
    """Coverage of the same images by the priors before and after a fit."""

    before: Coverage
    after: Coverage

    def to_json(self) -> dict[str, Any]:
        return {"before": self.before.to_json(), "after": self.after.to_json()}


@dataclass(frozen=True)
class Fit:
    """Priors that were `start`, and what changed on the images that they were fitted to and on those held out."""

    start: PriorSpec
    priors: PriorSpec
    fitted: Gain
    held_out: Gain | None


def fit_priors(
    dataset: Dataset,
    start: PriorSpec,
    *,
    boxes: int | None = None,
    augmentation: Augmentation | None = None,
    held_out: Dataset | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Fit:
    """Sizes and ratios for the maps of `start` that reach more objects of a data set, with no more than `boxes` priors.

    `boxes` is by default the number that `start` has. Objects (crowds aside) are seen in whole images resized to the
    input, as in detection, and in two samples of each image under `augmentation`, as in training; see
    `search_priors`. Of more than 5000 images, that many are taken, evenly spaced. Coverage of the whole images at
    an IoU of 0.5 is never lower than before, unless there are fewer boxes. The paper (section 2.2) leaves "an optimal
    tiling" open. Raises DataError where there are no objects, UsageError where the boxes are too few.
    """
    used = _at_most(dataset, _MOST)
    objects = _stacked(_objects(example, start.input_size) for example in used)
    if not len(objects):
        raise DataError(f"{dataset.name} has no objects to fit priors to; give a split with annotations")
    samples = None if augmentation is None else _samples(used, augmentation, start.input_size)
    budget = start.count if boxes is None else boxes
    priors = search_priors(objects, start, boxes=budget, samples=samples, progress=progress)
    fitted = _gain(used, start, priors)
    if _lost(fitted) and start.count <= budget:  # by rounding at the threshold only
        priors, fitted = start, Gain(fitted.before, fitted.before)
    return Fit(start, priors, fitted, None if held_out is None else _gain(_at_most(held_out, _MOST), start, priors))


def hold_out(dataset: Dataset, share: float) -> tuple[Dataset, Dataset]:
    """The data set without a `share` of its images, evenly spaced, and those; UsageError where one has none."""
    count = round(len(dataset) * share)
    if not 0 < count < len(dataset):
        raise UsageError(
            f"holding out {share:g} of the {len(dataset)} images of {dataset.name} leaves one part empty; "
            "give another share, or the name of a split"
        )
    chosen = set(((np.arange(count) + 0.5) * len(dataset) / count).astype(int).tolist())
    kept = tuple(example for place, example in enumerate(dataset) if place not in chosen)
    held = tuple(dataset[place] for place in sorted(chosen))
    return replace(dataset, examples=kept), replace(dataset, examples=held)


def _gain(dataset: Dataset, start: PriorSpec, priors: PriorSpec) -> Gain:
    before, after = (measure_coverage(dataset, spec, most=len(dataset)) for spec in (start, priors))
    return Gain(before, after)


def _lost(gain: Gain) -> bool:
    return gain.after.everything.overlap_50 < gain.before.everything.overlap_50


def _at_most(dataset: Dataset, most: int) -> Dataset:
    if len(dataset) <= most:
        return dataset
    chosen = np.linspace(0, len(dataset) - 1, most).round().astype(int).tolist()
    return replace(dataset, examples=tuple(dataset[place] for place in chosen))


def _objects(example: Example, input_size: Size) -> Float64[np.ndarray, "k 4"]:
    return _centers(relative_boxes(example)[~example.crowd], input_size)


def _samples(dataset: Dataset, augmentation: Augmentation, input_size: Size) -> Float64[np.ndarray, "m 4"]:
    """Objects as samples show them: crops and canvases by rectangle arithmetic, no image is read."""
    rng = np.random.default_rng(_SEED)
    parts = []
    for example in dataset:
        size = example.size or Size(*np.ceil(example.boxes[:, [3, 2]].max(axis=0, initial=1)).astype(int).tolist())
        boxes = example.boxes[~example.crowd]
        for _ in range(_SAMPLES):
            transform = draw_transform(boxes, size=size, augmentation=augmentation, rng=rng)
            parts.append(_centers(transform_boxes(boxes, transform)[0], input_size))
    return _stacked(parts)


def _centers(boxes: Float32[np.ndarray, "k 4"], input_size: Size) -> Float64[np.ndarray, "k 4"]:
    """Relative corners as (cx, cy, w, h) in pixels of the input."""
    height, width = input_size
    corners = boxes.astype(np.float64) * [width, height, width, height]
    return np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)


def _stacked(parts: Iterable[np.ndarray]) -> Float64[np.ndarray, "n 4"]:
    return np.concatenate([np.zeros((0, 4)), *parts])
