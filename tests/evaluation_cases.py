"""Small data sets and detections for the tests of the evaluation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections
from multibox.size import Size


def an_example(
    name: str,
    *,
    boxes: Sequence[Sequence[float]] | np.ndarray = (),
    labels: Sequence[int] | np.ndarray | None = None,
    difficult: Sequence[bool] | np.ndarray | None = None,
    crowd: Sequence[bool] | np.ndarray | None = None,
) -> Example:
    """An image of 640 x 480; labels default to 0 and flags to false."""
    count = len(boxes)
    return Example(
        image=Path(f"{name}.jpg"),
        boxes=np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.zeros(count, np.int64) if labels is None else np.asarray(labels, np.int64),
        difficult=np.zeros(count, bool) if difficult is None else np.asarray(difficult, bool),
        crowd=np.zeros(count, bool) if crowd is None else np.asarray(crowd, bool),
        id=name,
        size=Size(480, 640),
    )


def some_detections(
    boxes: Sequence[Sequence[float]] | np.ndarray = (),
    *,
    scores: Sequence[float] | np.ndarray = (),
    labels: Sequence[int] | np.ndarray | None = None,
    class_names: tuple[str, ...] = ("cat",),
) -> Detections:
    """Detections in the given order; labels default to 0."""
    return Detections(
        boxes=np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.asarray(scores, dtype=np.float32),
        labels=np.zeros(len(boxes), np.int64) if labels is None else np.asarray(labels, np.int64),
        class_names=class_names,
        image_size=Size(480, 640),
    )


def a_dataset(*examples: Example, class_names: tuple[str, ...] = ("cat",)) -> Dataset:
    return Dataset("test data", class_names, examples)


def noisy_scenes(generator: np.random.Generator, *, images: int, grid: bool) -> tuple[Dataset, list[Detections]]:
    """Objects of 3 classes with detections around them, some of them duplicates or wrong, many of equal score.

    With `grid`, every object has its own cell of 100 pixels, so that no detection overlaps two objects.
    """
    names = ("cat", "dog", "cow")
    examples, detections = [], []
    for image in range(images):
        count = int(generator.integers(0, 12))
        corners = (
            100.0 * np.stack(np.divmod(generator.permutation(24)[:count], 4), axis=1)
            if grid
            else generator.uniform(0, 150, (count, 2))
        )
        sides = generator.uniform(20, 75, (count, 2))
        boxes = np.concatenate([corners, corners + sides], axis=1)
        labels = generator.integers(0, 3, count)
        difficult = np.zeros(count, bool) if grid else generator.random(count) < 0.25
        examples.append(an_example(f"p{image}", boxes=boxes, labels=labels, difficult=difficult))
        copies = generator.integers(0, count, int(generator.integers(0, 20))) if count else np.zeros(0, np.int64)
        moved = boxes[copies].reshape(-1, 4) + generator.normal(0, 5, (len(copies), 4))
        astray = np.where(generator.random(len(copies)) < 0.15, (labels[copies] + 1) % 3, labels[copies])
        scores = np.round(generator.random(len(copies)), 2)
        order = np.argsort(-scores, kind="stable")
        detections.append(some_detections(moved[order], scores=scores[order], labels=astray[order], class_names=names))
    return Dataset("noisy", names, tuple(examples)), detections
