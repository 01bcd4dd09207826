"""Priors fitted to a data set, and their gain in coverage on its images and on held-out images."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.transform import draw_transform, transform_boxes
from multibox.data.dataset import Dataset, Example
from multibox.errors import DataError
from multibox.priors import PriorSpec
from multibox.size import Size
from multibox.system.progress import Progress
from multibox.tiling.coverage import Coverage, measure_coverage, relative_boxes
from multibox.tiling.search import search_priors

_MAX_IMAGES = 5000
_SAMPLES_PER_IMAGE = 2
_SAMPLES_SEED = 0


@dataclass(frozen=True)
class Gain:
    """Coverage of the same images by the priors before and after a fit."""

    before: Coverage
    after: Coverage

    def to_json(self) -> dict[str, Any]:
        return {"before": self.before.to_json(), "after": self.after.to_json()}


@dataclass(frozen=True)
class Fit:
    """The priors before (`start`) and after a fit, and the gain on the images used for it and on held-out ones."""

    start: PriorSpec
    priors: PriorSpec
    fitted: Gain
    held_out: Gain | None

    def to_json(self) -> dict[str, Any]:
        """Numbers of priors and coverage, before and after."""
        return {
            "count": {"before": self.start.count, "after": self.priors.count},
            "fitted": self.fitted.to_json(),
            "held_out": None if self.held_out is None else self.held_out.to_json(),
        }


def fit_priors(
    dataset: Dataset,
    start: PriorSpec,
    *,
    boxes: int | None = None,
    augmentation: Augmentation | None = None,
    held_out: Dataset | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Search sizes and ratios for the maps of `start` that cover more objects, with no more than `boxes` priors.

    The default of `boxes` is the number of priors of `start`. The search uses the objects of whole images resized to
    the input, as in detection, and those of two samples of each image under `augmentation`, as in training. Crowds are
    left out. Of more than 5000 images, that many evenly spaced ones are used. See `search_priors`.

    Coverage of the whole images at an IoU of 0.5 does not fall, unless `boxes` is below the number of `start`. The
    paper (section 2.2) leaves "an optimal tiling" open. Raises DataError if there are no objects, UsageError if `boxes`
    is too small.
    """
    used = _at_most(dataset, _MAX_IMAGES)
    objects = _stacked(_whole_image_objects(example, start.input_size) for example in used)
    if not len(objects):
        raise DataError(f"{dataset.name} has no objects to fit priors to; give a split with annotations")
    samples = None if augmentation is None else _sample_objects(used, augmentation, start.input_size)
    budget = start.count if boxes is None else boxes
    priors = search_priors(objects, start, boxes=budget, samples=samples, progress=progress)
    fitted = _gain(used, start, priors)
    if _is_loss(fitted) and start.count <= budget:  # only possible by rounding at the threshold
        priors, fitted = start, Gain(fitted.before, fitted.before)
    held = None if held_out is None else _gain(_at_most(held_out, _MAX_IMAGES), start, priors)
    return Fit(start, priors, fitted, held)


def _gain(dataset: Dataset, start: PriorSpec, priors: PriorSpec) -> Gain:
    before, after = (measure_coverage(dataset, spec, max_images=len(dataset)) for spec in (start, priors))
    return Gain(before, after)


def _is_loss(gain: Gain) -> bool:
    return gain.after.everything.overlap_50 < gain.before.everything.overlap_50


def _at_most(dataset: Dataset, count: int) -> Dataset:
    """The data set, or `count` evenly spaced images of it if it has more."""
    if len(dataset) <= count:
        return dataset
    chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int).tolist()
    return replace(dataset, examples=tuple(dataset[place] for place in chosen))


def _whole_image_objects(example: Example, input_size: Size) -> Float64[np.ndarray, "k 4"]:
    return _centers(relative_boxes(example)[~example.crowd], input_size)


def _sample_objects(dataset: Dataset, augmentation: Augmentation, input_size: Size) -> Float64[np.ndarray, "m 4"]:
    """Objects as training samples show them. Only their boxes are transformed; no image is read."""
    rng = np.random.default_rng(_SAMPLES_SEED)
    parts = []
    for example in dataset:
        size = example.size or Size(*np.ceil(example.boxes[:, [3, 2]].max(axis=0, initial=1)).astype(int).tolist())
        boxes = example.boxes[~example.crowd]
        for _ in range(_SAMPLES_PER_IMAGE):
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
