"""A data set in memory: class names and one Example per image. No image is read."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from multibox.size import Size


@dataclass(frozen=True, eq=False)
class Example:
    """One image with its objects.

    `boxes` are (x1, y1, x2, y2) in continuous pixels of the image; `labels` index the data set's class names, without
    background. `id` is the name of the image in files of detections: the file stem in VOC, the image id in COCO.
    `size` is the size in the annotation or of the image file, None if both are unknown. `areas` are the areas by which
    COCO calls an object small, medium or large, in square pixels of its segmentation; None if only boxes are known.
    """

    image: Path
    boxes: Float32[np.ndarray, "g 4"]
    labels: Int64[np.ndarray, " g"]
    difficult: Bool[np.ndarray, " g"]
    crowd: Bool[np.ndarray, " g"]
    id: str
    size: Size | None = None
    areas: Float64[np.ndarray, " g"] | None = None

    def keep(self, mask: Bool[np.ndarray, " g"]) -> "Example":
        """Return the same image with only the objects for which `mask` is true."""
        return replace(
            self,
            boxes=self.boxes[mask],
            labels=self.labels[mask],
            difficult=self.difficult[mask],
            crowd=self.crowd[mask],
            areas=None if self.areas is None else self.areas[mask],
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples with the class names that their labels index.

    `problems` are lines about what was skipped while reading. `category_ids` are the ids of the classes in COCO
    files, None for formats without such ids.
    """

    name: str
    class_names: tuple[str, ...]
    examples: tuple[Example, ...]
    problems: tuple[str, ...] = ()
    category_ids: tuple[int | str, ...] | None = None

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]

    @property
    def num_objects(self) -> int:
        """Number of objects in all images."""
        return sum(len(example.labels) for example in self.examples)
