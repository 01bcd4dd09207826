"""Detections as result files state them, collected in arrays, and Detections made from these."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int64

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.evaluation.flat import narrow
from multibox.evaluation.results.relabel import no_detections
from multibox.size import Size

FLOAT32_MAX = 3.4e38
ROUNDING = 1e-6  # pixels that corners may be inverted by: 1.312 - 1 is more than 0.312
_ROWS_AT_ONCE = 1 << 16


class ResultRow(NamedTuple):
    """One detection: image id, label, score, and (x1, y1, x2, y2) in continuous pixels. `place` is for messages."""

    place: str
    image_id: str
    label: int
    score: float
    box: tuple[float, float, float, float]


class Columns(NamedTuple):
    """Detections as arrays: position of the image in the data set, label, score and corners."""

    images: Int64[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    scores: Float32[np.ndarray, " n"]
    boxes: Float32[np.ndarray, "n 4"]


class Results:
    """Collects the detections of a data set. Raises DataError if two of its images have the same id."""

    def __init__(self, dataset: Dataset) -> None:
        self.positions = {example.id: position for position, example in enumerate(dataset)}
        if len(self.positions) < len(dataset):
            raise DataError(
                f"{dataset.name}: two images share an id; detection files need a different id for each image"
            )
        self._dataset = dataset
        self._parts: list[Columns] = []

    def add(self, part: Columns) -> None:
        """Add detections that were checked."""
        self._parts.append(part)

    def add_rows(self, rows: Iterable[ResultRow]) -> None:
        """Add rows.

        DataError for an unknown image id, for a score or side that is not a finite number, and for swapped corners.
        """
        checked = map(self._checked, rows)
        while block := list(islice(checked, _ROWS_AT_ONCE)):
            images, labels, scores, boxes = zip(*block, strict=True)
            self.add(
                Columns(
                    np.array(images, np.int64),
                    np.array(labels, np.int64),
                    np.array(scores, np.float32),
                    np.array(boxes, np.float32),
                )
            )

    def _checked(self, row: ResultRow) -> tuple[int, int, float, tuple[float, ...]]:
        _check(row)
        position = self.positions.get(row.image_id)
        if position is None:
            raise DataError(
                f"{row.place}: image id {row.image_id!r} is not among the {len(self._dataset)} of "
                f"{self._dataset.name}; evaluate on the split that the detections were made for"
            )
        return position, row.label, row.score, row.box

    def by_id(self) -> dict[str, Detections]:
        """Return the detections of every image, highest score first; equal scores keep their order."""
        if not self._parts:
            return dict(self._split(_NOTHING))
        images, labels, scores, boxes = (np.concatenate(arrays) for arrays in zip(*self._parts, strict=True))
        order = np.lexsort((-scores, narrow(images)))
        boxes = boxes[order]
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2])
        return dict(self._split(Columns(images[order], labels[order], scores[order], boxes)))

    def _split(self, columns: Columns) -> Iterator[tuple[str, Detections]]:
        names = self._dataset.class_names
        ends = np.cumsum(np.bincount(columns.images, minlength=len(self._dataset))).tolist()
        for example, start, end in zip(self._dataset, [0, *ends[:-1]], ends, strict=True):
            rows = slice(start, end)
            found = Detections(
                columns.boxes[rows], columns.scores[rows], columns.labels[rows], names, example.size or Size(0, 0)
            )
            yield example.id, found if end > start else no_detections(names, image_size=example.size)


_NOTHING = Columns(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 4), np.float32))


def detections_by_id(rows: Iterable[ResultRow], *, dataset: Dataset) -> dict[str, Detections]:
    """Return the detections of every image of the data set; the errors are those of `Results`."""
    results = Results(dataset)
    results.add_rows(rows)
    return results.by_id()


def _check(row: ResultRow) -> None:
    if not all(abs(value) < FLOAT32_MAX for value in (row.score, *row.box)):
        raise DataError(f"{row.place}: score {row.score}, box {list(row.box)}; all must be finite numbers")
    x1, y1, x2, y2 = row.box
    if x2 < x1 - ROUNDING or y2 < y1 - ROUNDING:
        raise DataError(f"{row.place}: box {list(row.box)} as x1 y1 x2 y2; x2 and y2 must not be less than x1 and y1")


def all_usable(scores: Float[np.ndarray, " n"], boxes: Float[np.ndarray, "n 4"]) -> bool:
    """Whether all scores and corners are finite, and no corners are swapped, as `add_rows` checks it."""
    finite = (np.abs(scores) < FLOAT32_MAX).all() and (np.abs(boxes) < FLOAT32_MAX).all()
    return bool(finite and (boxes[:, 2:] >= boxes[:, :2] - ROUNDING).all())
