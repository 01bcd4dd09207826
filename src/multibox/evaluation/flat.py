"""All detections and objects of a data set as arrays, and the pairs of one class in one image that overlap.

Shapes: N detections, G objects, K pairs, all of the whole data set.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64, UInt

from multibox.data.dataset import Example
from multibox.detections import Detections

_PAIRS_AT_ONCE = 1 << 18

Iou = Callable[[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]], Float64[np.ndarray, " k"]]
"""Computes the IoU of detections and objects, each given by its row."""


@dataclass(frozen=True, eq=False)
class FlatDetections:
    """Detections sorted by class, then image, then score, the highest first; equal scores keep their order.

    `ranks` count the detections of the same class in the same image, from 0.
    """

    labels: Int64[np.ndarray, " n"]
    images: Int64[np.ndarray, " n"]
    ranks: Int64[np.ndarray, " n"]
    scores: Float32[np.ndarray, " n"]
    boxes: Float32[np.ndarray, "n 4"]

    @classmethod
    def of(cls, detections: Sequence[Detections]) -> "FlatDetections":
        """`detections` has one entry for each image."""
        labels = np.concatenate([np.zeros(0, np.int64), *(found.labels for found in detections)])
        scores = np.concatenate([np.zeros(0, np.float32), *(found.scores for found in detections)])
        images = _repeated(len(found) for found in detections)
        if ((scores[1:] <= scores[:-1]) | (images[1:] > images[:-1])).all():  # as detectors return them
            order = np.argsort(narrow(labels), kind="stable")
        else:
            order = np.lexsort((-scores, narrow(images), narrow(labels)))
        boxes = np.concatenate([np.zeros((0, 4), np.float32), *(found.boxes for found in detections)])[order]
        labels, images = labels[order], images[order]
        return cls(labels, images, _ranks(labels, images), scores[order], boxes)

    def of_class(self, label: int) -> slice:
        """The rows of a class."""
        start, end = np.searchsorted(self.labels, [label, label + 1])
        return slice(int(start), int(end))


@dataclass(frozen=True, eq=False)
class FlatObjects:
    """Objects sorted by class, then image; those of one class in one image keep their order.

    `ignored` are difficult objects and crowds. `areas` are those of `Example.areas`, else nan.
    """

    labels: Int64[np.ndarray, " g"]
    images: Int64[np.ndarray, " g"]
    boxes: Float32[np.ndarray, "g 4"]
    ignored: Bool[np.ndarray, " g"]
    areas: Float64[np.ndarray, " g"]

    @classmethod
    def of(cls, examples: Sequence[Example]) -> "FlatObjects":
        labels = np.concatenate([np.zeros(0, np.int64), *(example.labels for example in examples)])
        images = _repeated(len(example.labels) for example in examples)
        order = np.lexsort((narrow(images), narrow(labels)))
        boxes = np.concatenate([np.zeros((0, 4), np.float32), *(example.boxes for example in examples)])
        ignored = np.concatenate([np.zeros(0, bool), *(example.difficult | example.crowd for example in examples)])
        areas = np.concatenate([np.zeros(0), *map(_areas, examples)])
        return cls(labels[order], images[order], boxes[order], ignored[order], areas[order])


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a detection and an object of its class in its image, sorted by detection, then object."""

    detections: Int64[np.ndarray, " k"]
    objects: Int64[np.ndarray, " k"]
    ious: Float64[np.ndarray, " k"]


def overlapping(found: FlatDetections, objects: FlatObjects, iou: Iou, *, minimum: float) -> Pairs:
    """Return the pairs with an IoU of at least `minimum`."""
    parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for rows, theirs in _candidates(found, objects):
        values = iou(rows, theirs)
        near = values >= minimum
        parts.append((rows[near], theirs[near], values[near]))
    rows, theirs, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.lexsort((theirs, rows))
    return Pairs(rows[order], theirs[order], values[order])


def _candidates(found: FlatDetections, objects: FlatObjects) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield detections and objects of the same class and image, in parts that bound the memory."""
    images = 1 + max(found.images.max(initial=0), objects.images.max(initial=0))
    keys = found.labels * images + found.images
    own = objects.labels * images + objects.images
    starts = np.searchsorted(keys, own)
    counts = np.searchsorted(keys, own, side="right") - starts
    parts = np.cumsum(counts) // _PAIRS_AT_ONCE
    for part in np.unique(parts[counts > 0]):
        chosen = np.flatnonzero((parts == part) & (counts > 0))
        many = counts[chosen]
        first = np.repeat(np.cumsum(many) - many, many)
        yield np.repeat(starts[chosen], many) + np.arange(many.sum()) - first, np.repeat(chosen, many)


def narrow(keys: Int64[np.ndarray, " n"]) -> UInt[np.ndarray, " n"]:
    """Return keys that are not negative in the smallest type that holds them; those of 16 bits sort much faster."""
    return keys.astype(np.min_scalar_type(int(keys.max(initial=0))))


def _ranks(labels: Int64[np.ndarray, " n"], images: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    places = np.arange(len(labels))
    first = np.ones(len(labels), bool)
    first[1:] = (labels[1:] != labels[:-1]) | (images[1:] != images[:-1])
    return places - np.maximum.accumulate(np.where(first, places, 0))


def _repeated(counts: Iterator[int]) -> Int64[np.ndarray, " n"]:
    """Return 0, 1, 2 and so on, each as often as `counts` says."""
    many = np.fromiter(counts, np.int64)
    return np.repeat(np.arange(len(many)), many)


def _areas(example: Example) -> Float[np.ndarray, " g"]:
    return np.full(len(example.labels), np.nan) if example.areas is None else example.areas
