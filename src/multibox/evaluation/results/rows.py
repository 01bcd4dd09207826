"""One detection as a result file states it, and Detections made from such rows."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.evaluation.results.relabel import no_detections
from multibox.size import Size

FLOAT32_MAX = 3.4e38
ROUNDING = 1e-6  # pixels that corners may be inverted by: 1.312 - 1 is more than 0.312


class ResultRow(NamedTuple):
    """One detection: image id, label, score, and (x1, y1, x2, y2) in continuous pixels. `place` is for messages."""

    place: str
    image_id: str
    label: int
    score: float
    box: tuple[float, float, float, float]


def detections_by_id(rows: Iterable[ResultRow], *, dataset: Dataset) -> dict[str, Detections]:
    """Return the detections of every image of the data set, highest score first; equal scores keep their order.

    DataError for an unknown image id, for a score or side that is not a finite number, for a box with swapped corners,
    and for a data set in which two images have the same id.
    """
    grouped: dict[str, list[ResultRow]] = {example.id: [] for example in dataset}
    if len(grouped) < len(dataset):
        raise DataError(f"{dataset.name}: two images share an id; detection files need a different id for each image")
    for row in rows:
        _check(row)
        if row.image_id not in grouped:
            raise DataError(
                f"{row.place}: image id {row.image_id!r} is not among the {len(dataset)} of {dataset.name}; "
                "evaluate on the split that the detections were made for"
            )
        grouped[row.image_id].append(row)
    return {example.id: _detections(grouped[example.id], example=example, dataset=dataset) for example in dataset}


def _check(row: ResultRow) -> None:
    if not all(abs(value) < FLOAT32_MAX for value in (row.score, *row.box)):
        raise DataError(f"{row.place}: score {row.score}, box {list(row.box)}; all must be finite numbers")
    x1, y1, x2, y2 = row.box
    if x2 < x1 - ROUNDING or y2 < y1 - ROUNDING:
        raise DataError(f"{row.place}: box {list(row.box)} as x1 y1 x2 y2; x2 and y2 must not be less than x1 and y1")


def _detections(rows: list[ResultRow], *, example: Example, dataset: Dataset) -> Detections:
    if not rows:
        return no_detections(dataset.class_names, image_size=example.size)
    scores = np.array([row.score for row in rows], dtype=np.float32)
    order = np.argsort(-scores, kind="stable")
    boxes = np.array([row.box for row in rows], dtype=np.float32)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2])
    labels = np.array([row.label for row in rows], dtype=np.int64)
    return Detections(boxes[order], scores[order], labels[order], dataset.class_names, example.size or Size(0, 0))
