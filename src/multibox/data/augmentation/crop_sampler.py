"""Random patches that overlap some object by a given amount: the seven samplers of SSD (paper section 2.2).

One sampler takes the whole view, five require a minimum IoU with some object, and one sets only an upper bound. Each of
the six constrained ones has a number of trials for one patch. Then one sampler is drawn uniformly from those that
succeeded (`GenerateBatchSamples`, `GenerateSamples`, `SampleBBox` and `SatisfySampleConstraint` of util/sampler.cpp).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from multibox.pairwise import pairwise_iou

WHOLE: Float32[np.ndarray, "4"] = np.array([0, 0, 1, 1], np.float32)
WHOLE.flags.writeable = False


@dataclass(frozen=True)
class CropSampler:
    """Ranges and bounds of the crop.

    `scale` is the square root of the patch's share of the area, `aspect` its width divided by its height, both relative
    to the view. `aspect_drawn` selects how an aspect is made to fit into the view at a scale: draw it, then clamp it to
    the range that fits ("then_clamped", the official code since April 2017), or draw it uniformly from that range
    ("where_it_fits", the code at the time of the paper).
    """

    scale: tuple[float, float] = (0.3, 1.0)
    aspect: tuple[float, float] = (0.5, 2.0)
    trials: int = 50
    min_overlaps: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    max_overlap: float = 1.0
    aspect_drawn: Literal["then_clamped", "where_it_fits"] = "then_clamped"


def sample_crop(
    objects: Float64[np.ndarray, "g 4"], *, sampler: CropSampler, rng: np.random.Generator
) -> Float32[np.ndarray, "4"]:
    """One patch as corners relative to the view, like `objects`; the whole view if there is no object."""
    if not len(objects):
        return WHOLE
    patches, _ = candidates(objects, sampler=sampler, rng=rng)
    choice = int(rng.integers(len(patches) + 1))
    return patches[choice - 1] if choice else WHOLE


def candidates(
    objects: Float64[np.ndarray, "g 4"], *, sampler: CropSampler, rng: np.random.Generator
) -> tuple[Float32[np.ndarray, "k 4"], Int64[np.ndarray, " k"]]:
    """The first accepted patch of each constrained sampler that has one, and the number of that sampler.

    Samplers have the order of `min_overlaps`; the one with the upper bound is last. All trials of all samplers are
    drawn together. Taking the first accepted one gives the same distribution as one trial after the other.
    """
    bounds = len(sampler.min_overlaps) + 1
    patches = random_patches(bounds * sampler.trials, sampler=sampler, rng=rng)
    accepted = _accepted(pairwise_iou(objects, others=patches).reshape(-1, bounds, sampler.trials), sampler)
    which = np.flatnonzero(accepted.any(axis=1))
    first = accepted.argmax(axis=1)[which]
    return patches[which * sampler.trials + first], which


def random_patches(count: int, *, sampler: CropSampler, rng: np.random.Generator) -> Float32[np.ndarray, "n 4"]:
    """Patches before any constraint (`SampleBBox`): scale, aspect and position uniform."""
    draws = rng.random((4, count))
    scale = sampler.scale[0] + (sampler.scale[1] - sampler.scale[0]) * draws[0]
    smallest, largest = scale**2, scale**-2
    low, high = sampler.aspect
    if sampler.aspect_drawn == "where_it_fits":
        low, high = np.maximum(low, smallest), np.minimum(high, largest)
    aspect = np.clip(low + (high - low) * draws[1], smallest, largest)
    sides = np.minimum(scale * np.sqrt([aspect, 1 / aspect]), 1)
    corner = (1 - sides) * draws[2:]
    return np.concatenate([corner, corner + sides]).T.astype(np.float32)


def _accepted(ious: Float64[np.ndarray, "g s t"], sampler: CropSampler) -> Bool[np.ndarray, "s t"]:
    """Whether each trial of each sampler meets its bound with some object."""
    enough = ious[:, :-1].max(axis=0) >= np.array(sampler.min_overlaps)[:, None]
    little = ious[:, -1:].min(axis=0) <= sampler.max_overlap
    return np.concatenate([enough, little])
