"""How well the priors of a model reach the objects of a data set, before any training."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
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

_SMALL, _LARGE = 32.0, 96.0  # sides in pixels of the network input
_ASPECTS = (1 / 3, 2 / 3, 3 / 2, 3.0)  # width / height at the network input
_ASPECT_NAMES = (
    "very tall (w/h below 1/3)",
    "tall (1/3 to 2/3)",
    "about square (2/3 to 3/2)",
    "wide (3/2 to 3)",
    "very wide (from 3)",
)
_MOST = 2000  # images


@dataclass(frozen=True)
class Share:
    """The part of `objects` that some prior overlaps with an IoU of at least 0.5 or 0.7, and the part that has a prior
    after matching, which gives every object its best free one. `positives` is the mean number of priors that learn an
    object.
    """

    objects: int
    overlap_50: float
    overlap_70: float
    matched: float
    positives: float


@dataclass(frozen=True)
class Reach:
    """How the priors reach each object.

    `best` is its largest IoU with any prior and `prior` the number of that prior, `positives` the number of priors
    matched to it at 0.5. `shapes` are width and height, `sides` √area, in pixels of the network input. `images` and
    `items` are the places of its image in the data set and of itself in the image.
    """

    best: Float32[np.ndarray, " n"]
    prior: Int64[np.ndarray, " n"]
    positives: Int64[np.ndarray, " n"]
    shapes: Float32[np.ndarray, "n 2"]
    sides: Float32[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    images: Int64[np.ndarray, " n"]
    items: Int64[np.ndarray, " n"]


@dataclass(frozen=True)
class Coverage:
    """Shares of all objects, of each class, size and aspect, over `images` images with `reach` for each object."""

    input_size: Size
    priors: int
    images: int
    everything: Share
    classes: dict[str, Share]
    sizes: dict[str, Share]
    aspects: dict[str, Share]
    reach: Reach

    def to_json(self) -> dict[str, Any]:
        """The entry "coverage" of `multibox data check --json`."""
        height, width = self.input_size
        return {
            "input": {"height": height, "width": width},
            "priors": self.priors,
            "images": self.images,
            "all": asdict(self.everything),
            "classes": {name: asdict(share) for name, share in self.classes.items()},
            "sizes": {name: asdict(share) for name, share in self.sizes.items()},
            "aspects": {name: asdict(share) for name, share in self.aspects.items()},
        }


def measure_coverage(
    dataset: Dataset, spec: PriorSpec, *, most: int = _MOST, progress: Callable[[int, int], None] | None = None
) -> Coverage:
    """Match the objects (crowds aside) of whole images, resized to the input, with the priors of `spec`.

    Of more than `most` images, that many are taken, evenly spaced. Two ways to count: an object's best IoU with any
    prior reaches a threshold; or the object has a prior after matching as in training, bipartite first and then by an
    IoU of 0.5. Objects that only the bipartite step gives a prior learn from that one alone.
    """
    reach, images = _measure(dataset, spec, most, progress)
    sizes = {
        f"small (below {_SMALL:g} px)": reach.sides < _SMALL,
        f"medium ({_SMALL:g} to {_LARGE:g} px)": (reach.sides >= _SMALL) & (reach.sides < _LARGE),
        f"large (from {_LARGE:g} px)": reach.sides >= _LARGE,
    }
    bands = np.digitize(reach.shapes[:, 0] / reach.shapes[:, 1].clip(min=1e-6), _ASPECTS)
    return Coverage(
        input_size=spec.input_size,
        priors=spec.count,
        images=images,
        everything=_share(reach, np.ones(len(reach.best), np.bool_)),
        classes={name: _share(reach, reach.labels == label) for label, name in enumerate(dataset.class_names)},
        sizes={name: _share(reach, mask) for name, mask in sizes.items()},
        aspects={name: _share(reach, bands == band) for band, name in enumerate(_ASPECT_NAMES)},
        reach=reach,
    )


def _measure(
    dataset: Dataset, spec: PriorSpec, most: int, progress: Callable[[int, int], None] | None
) -> tuple[Reach, int]:
    priors = make_prior_corners(spec)
    chosen = np.unique(np.linspace(0, max(len(dataset) - 1, 0), min(most, len(dataset))).round().astype(int))
    parts = [_nothing()]
    for done, place in enumerate(chosen.tolist(), start=1):
        parts.append(_measure_one(dataset[place], priors, spec.input_size, place))
        if progress:
            progress(done, len(chosen))
    names = Reach.__dataclass_fields__
    return Reach(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}), len(chosen)


def _nothing() -> Reach:
    none, whole = np.zeros(0, np.float32), np.zeros(0, np.int64)
    return Reach(none, whole, whole, np.zeros((0, 2), np.float32), none, whole, whole, whole)


def _measure_one(example: Example, priors: Float32[Tensor, "p 4"], input_size: Size, place: int) -> Reach:
    kept = np.flatnonzero(~example.crowd)
    boxes = relative_boxes(example)[kept]
    if not len(kept):
        return _nothing()
    with torch.inference_mode():
        corners = torch.from_numpy(boxes)
        best, prior = iou(corners, priors).max(dim=1)
        index = match(priors, corners[None], torch.ones(1, len(kept), dtype=torch.bool)).index
        positives = torch.bincount(index[index >= 0], minlength=len(kept))
    height, width = input_size
    return Reach(
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
    """The side √area of each object in pixels of a network input of `area` pixels."""
    boxes = relative_boxes(example)
    return np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * np.float32(area))


def relative_boxes(example: Example) -> Float32[np.ndarray, "g 4"]:
    """Boxes with the image as the unit; where its size is not known, with the extent of the boxes as it."""
    height, width = example.size or example.boxes[:, [3, 2]].max(axis=0, initial=1).tolist()
    return example.boxes / np.array([width, height, width, height], dtype=np.float32)


def _share(reach: Reach, mask: Bool[np.ndarray, " n"]) -> Share:
    best, positives = reach.best[mask], reach.positives[mask]
    if not len(best):
        return Share(0, 0.0, 0.0, 0.0, 0.0)
    half, high = float((best >= 0.5).mean()), float((best >= 0.7).mean())
    return Share(len(best), half, high, float((positives > 0).mean()), float(positives.mean()))
