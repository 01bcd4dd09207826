"""The objects that no prior covers, one by one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multibox.data.dataset import Dataset
from multibox.tiling.coverage import Coverage

_COVERED_IOU = 0.5

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class MissedObject:
    """An object without a prior of IoU 0.5.

    `box` is in pixels of the image, `shape` its width and height in pixels of the network input. `prior` is the number
    of the prior that overlaps it best, and `iou` that overlap.
    """

    image: Path
    name: str
    label: int
    box: Corners
    shape: tuple[float, float]
    iou: float
    prior: int

    def to_json(self) -> dict[str, Any]:
        return {
            "image": str(self.image),
            "class": self.name,
            "box": list(self.box),
            "input_size": list(self.shape),
            "iou": self.iou,
            "prior": self.prior,
        }


def missed_objects(coverage: Coverage, dataset: Dataset) -> list[MissedObject]:
    """The objects whose best IoU with a prior is below 0.5, in ascending order of that IoU."""
    best = coverage.per_object.best_iou
    places = np.flatnonzero(best < _COVERED_IOU)
    order = places[np.argsort(best[places], kind="stable")].tolist()
    return [_missed_object(coverage, dataset, place) for place in order]


def _missed_object(coverage: Coverage, dataset: Dataset, place: int) -> MissedObject:
    objects = coverage.per_object
    example, label = dataset[int(objects.images[place])], int(objects.labels[place])
    x1, y1, x2, y2 = example.boxes[objects.items[place]].tolist()
    width, height = objects.shapes[place].tolist()
    return MissedObject(
        image=example.image,
        name=dataset.class_names[label],
        label=label,
        box=(x1, y1, x2, y2),
        shape=(width, height),
        iou=float(objects.best_iou[place]),
        prior=int(objects.best_prior[place]),
    )
