"""How well the priors of a model cover the objects of a data set, measured before any training."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from multibox.boxes import iou
from multibox.data.dataset import Dataset, Example
from multibox.matching import match
from multibox.priors import PriorSpec, make_prior_corners
from multibox.size import Size
from multibox.system.progress import Progress

_SMALL_BELOW, _LARGE_FROM = 32.0, 96.0  # sides in pixels of the network input
_ASPECT_LIMITS = (1 / 3, 2 / 3, 3 / 2, 3.0)  # width / height at the network input
_ASPECT_NAMES = (
    "very tall (w/h below 1/3)",
    "tall (1/3 to 2/3)",
    "about square (2/3 to 3/2)",
    "wide (3/2 to 3)",
    "very wide (from 3)",
)
_MAX_IMAGES = 2000


@dataclass(frozen=True)
class GroupCoverage:
    """Coverage of a group of `objects`.

    `overlap_50` and `overlap_70` are the shares that some prior overlaps with an IoU of at least 0.5 and 0.7. `matched`
    is the share that has a prior after matching, which gives every object its best free prior. `positives` is the mean
    number of priors matched to an object.
    """

    objects: int
    overlap_50: float
    overlap_70: float
    matched: float
    positives: float


@dataclass(frozen=True)
class ObjectCoverage:
    """Coverage of each object.

    `best_iou` is its largest IoU with any prior, `best_prior` the number of that prior, and `positives` the number of
    priors matched to it at 0.5. `shapes` are (width, height) and `sides` √area, in pixels of the network input.
    `images` are the positions of its image in the data set, `items` its own positions in the image.
    """

    best_iou: Float32[np.ndarray, " n"]
    best_prior: Int64[np.ndarray, " n"]
    positives: Int64[np.ndarray, " n"]
    shapes: Float32[np.ndarray, "n 2"]
    sides: Float32[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    images: Int64[np.ndarray, " n"]
    items: Int64[np.ndarray, " n"]


@dataclass(frozen=True)
class Coverage:
    """Coverage of all objects, of each class, size and aspect, and of each single object, over `images` images."""

    input_size: Size
    priors: int
    images: int
    everything: GroupCoverage
    classes: dict[str, GroupCoverage]
    sizes: dict[str, GroupCoverage]
    aspects: dict[str, GroupCoverage]
    per_object: ObjectCoverage

    def to_json(self) -> dict[str, Any]:
        """The entry "coverage" of `multibox data check --json`."""
        height, width = self.input_size
        return {
            "input": {"height": height, "width": width},
            "priors": self.priors,
            "images": self.images,
            "all": asdict(self.everything),
            "classes": {name: asdict(group) for name, group in self.classes.items()},
            "sizes": {name: asdict(group) for name, group in self.sizes.items()},
            "aspects": {name: asdict(group) for name, group in self.aspects.items()},
        }


def measure_coverage(
    dataset: Dataset, spec: PriorSpec, *, max_images: int = _MAX_IMAGES, progress: Progress | None = None
) -> Coverage:
    """Match the objects of whole images, resized to the input, with the priors of `spec`. Crowds are left out.

    If there are more than `max_images` images, that many evenly spaced ones are used. Objects are counted in two ways:
    by their best IoU with any prior, and by their priors after matching as in training, where the bipartite step comes
    first and an IoU of 0.5 decides about the other priors. An object that only the bipartite step matches learns from
    one prior.
    """
    objects, images = _measure(dataset, spec, max_images, progress)
    sizes = {
        f"small (below {_SMALL_BELOW:g} px)": objects.sides < _SMALL_BELOW,
        f"medium ({_SMALL_BELOW:g} to {_LARGE_FROM:g} px)": (objects.sides >= _SMALL_BELOW)
        & (objects.sides < _LARGE_FROM),
        f"large (from {_LARGE_FROM:g} px)": objects.sides >= _LARGE_FROM,
    }
    bands = np.digitize(objects.shapes[:, 0] / objects.shapes[:, 1].clip(min=1e-6), _ASPECT_LIMITS)
    return Coverage(
        input_size=spec.input_size,
        priors=spec.count,
        images=images,
        everything=_group(objects, np.ones(len(objects.best_iou), np.bool_)),
        classes={name: _group(objects, objects.labels == label) for label, name in enumerate(dataset.class_names)},
        sizes={name: _group(objects, mask) for name, mask in sizes.items()},
        aspects={name: _group(objects, bands == band) for band, name in enumerate(_ASPECT_NAMES)},
        per_object=objects,
    )


def _measure(
    dataset: Dataset, spec: PriorSpec, max_images: int, progress: Progress | None
) -> tuple[ObjectCoverage, int]:
    """The coverage of each object, and the number of images used."""
    priors = torch.from_numpy(make_prior_corners(spec))
    last = max(len(dataset) - 1, 0)
    chosen = np.unique(np.linspace(0, last, min(max_images, len(dataset))).round().astype(int))
    parts = [_no_objects()]
    for done, place in enumerate(chosen.tolist(), start=1):
        parts.append(_measure_image(dataset[place], priors, spec.input_size, place))
        if progress:
            progress(done, len(chosen))
    names = [field.name for field in fields(ObjectCoverage)]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return ObjectCoverage(**joined), len(chosen)


def _no_objects() -> ObjectCoverage:
    floats, integers = np.zeros(0, np.float32), np.zeros(0, np.int64)
    shapes = np.zeros((0, 2), np.float32)
    return ObjectCoverage(floats, integers, integers, shapes, floats, integers, integers, integers)


def _measure_image(example: Example, priors: Float32[Tensor, "p 4"], input_size: Size, place: int) -> ObjectCoverage:
    kept = np.flatnonzero(~example.crowd)
    boxes = relative_boxes(example)[kept]
    if not len(kept):
        return _no_objects()
    with torch.inference_mode():
        corners = torch.from_numpy(boxes)
        best, prior = iou(corners, priors).max(dim=1)
        index = match(priors, corners[None], torch.ones(1, len(kept), dtype=torch.bool)).index
        positives = torch.bincount(index[index >= 0], minlength=len(kept))
    height, width = input_size
    return ObjectCoverage(
        best.numpy(),
        prior.numpy(),
        positives.numpy(),
        (boxes[:, 2:] - boxes[:, :2]) * np.array([width, height], np.float32),
        input_sides(example, float(width * height))[kept],
        example.labels[kept],
        np.full(len(kept), place, np.int64),
        kept,
    )


def input_sides(example: Example, area: float) -> Float32[np.ndarray, " g"]:
    """The side √area of each object, in pixels of a network input with `area` pixels."""
    boxes = relative_boxes(example)
    return np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * np.float32(area))


def relative_boxes(example: Example) -> Float32[np.ndarray, "g 4"]:
    """Boxes relative to the size of the image, or to the extent of all boxes if that size is not known."""
    height, width = example.size or example.boxes[:, [3, 2]].max(axis=0, initial=1).tolist()
    return example.boxes / np.array([width, height, width, height], dtype=np.float32)


def _group(objects: ObjectCoverage, mask: Bool[np.ndarray, " n"]) -> GroupCoverage:
    best, positives = objects.best_iou[mask], objects.positives[mask]
    if not len(best):
        return GroupCoverage(0, 0.0, 0.0, 0.0, 0.0)
    half, high = float((best >= 0.5).mean()), float((best >= 0.7).mean())
    return GroupCoverage(len(best), half, high, float((positives > 0).mean()), float(positives.mean()))
