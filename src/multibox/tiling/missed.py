"""The objects that no prior covers, one by one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multibox.data.dataset import Dataset
from multibox.tiling.coverage import Coverage

_THRESHOLD = 0.5

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class MissedObject:
    """An object without a prior of IoU 0.5.

    `box` is in pixels of its image, `shape` its width and height in pixels of the network input. `iou` and `prior`
    are its best overlap and the number of the prior that has it.
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
    """The objects whose best IoU with a prior is below 0.5, the least covered first."""
    reach = coverage.reach
    places = np.flatnonzero(reach.best < _THRESHOLD)
    order = places[np.argsort(reach.best[places], kind="stable")].tolist()
    return [_missed(coverage, dataset, place) for place in order]


def _missed(coverage: Coverage, dataset: Dataset, place: int) -> MissedObject:
    reach = coverage.reach
    example, label = dataset[int(reach.images[place])], int(reach.labels[place])
    x1, y1, x2, y2 = example.boxes[reach.items[place]].tolist()
    width, height = reach.shapes[place].tolist()
    return MissedObject(
        example.image,
        dataset.class_names[label],
        label,
        (x1, y1, x2, y2),
        (width, height),
        float(reach.best[place]),
        int(reach.prior[place]),
    )
