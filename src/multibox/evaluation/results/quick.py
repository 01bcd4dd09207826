"""Entries of COCO results as arrays, many at a time, if all of them have the types that nearly all files have."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np

from multibox.data.formats.fields import id_value
from multibox.evaluation.results.rows import Columns, all_usable

_FIELDS = ("image_id", "category_id", "bbox", "score")
_NUMBERS = {int, float}


class QuickColumns:
    """Reads entries whose ids are numbers and whose boxes are four numbers.

    `positions` are those of the images by id, `label_of` the labels by category id, both ids as text.
    """

    def __init__(self, positions: Mapping[str, int], label_of: Mapping[str, int]) -> None:
        self._positions = {id_value(name): position for name, position in positions.items()}
        self._label_of = {id_value(name): label for name, label in label_of.items()}

    def columns(self, entries: list[Any]) -> Columns | None:
        """Return the columns; None if an entry is of another kind or cannot be used, which the slow reader decides."""
        if not entries:
            return None
        try:
            images, categories, boxes, scores = ([entry[name] for entry in entries] for name in _FIELDS)
        except (TypeError, KeyError):
            return None
        if {*map(type, images), *map(type, categories)} != {int} or {*map(type, boxes)} != {list}:
            return None
        sides = list(chain.from_iterable(boxes))
        if {*map(len, boxes)} != {4} or not {*map(type, sides), *map(type, scores)} <= _NUMBERS:
            return None
        return self._checked(images, categories, sides, scores)

    def _checked(
        self, images: list[int], categories: list[int], sides: list[float], scores: list[float]
    ) -> Columns | None:
        positions, labels = [*map(self._positions.get, images)], [*map(self._label_of.get, categories)]
        if None in positions or None in labels:
            return None
        try:
            corners, values = np.array(sides, np.float64).reshape(-1, 4), np.array(scores, np.float64)
        except OverflowError:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            corners[:, 2:] += corners[:, :2]
        if not all_usable(values, corners):
            return None
        return Columns(
            np.array(positions, np.int64),
            np.array(labels, np.int64),
            values.astype(np.float32),
            corners.astype(np.float32),
        )
