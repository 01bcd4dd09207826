"""Anchors as priors: the API's rules against a slow loop, grids against the arrays that they are made from."""

from math import sqrt

import numpy as np
import pytest

from multibox.priors import make_priors
from multibox.size import Size
from multibox.weights.origins.tensorflow.anchors import api_spec, from_corners, grid_spec

CELLS = [Size(19, 19), Size(10, 10), Size(5, 5), Size(3, 3), Size(2, 2), Size(1, 1)]


def slow_anchors(height: int, width: int, cells: list[Size], *, reduced: bool) -> list[list[float]]:
    """(cx, cy, w, h) by the rules that the API documents, one box at a time."""
    scales = [0.2 + (0.95 - 0.2) * i / (len(cells) - 1) for i in range(len(cells))] + [1.0]
    found = []
    for number, (rows, columns) in enumerate(cells):
        if number == 0 and reduced:
            boxes = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
        else:
            boxes = [(scales[number], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)]
            boxes.append((sqrt(scales[number] * scales[number + 1]), 1.0))
        for row in range(rows):
            for column in range(columns):
                for scale, ratio in boxes:
                    side = min(height, width)
                    w, h = scale * sqrt(ratio) * side / width, scale / sqrt(ratio) * side / height
                    found.append([(column + 0.5) / columns, (row + 0.5) / rows, w, h])
    return found


@pytest.mark.parametrize("reduced", [True, False])
@pytest.mark.parametrize("size", [Size(300, 300), Size(240, 320)])
def test_the_rules(size: Size, reduced: bool) -> None:
    """All priors of six maps within 1e-6, square and oblong, with and without reduced boxes."""
    spec = api_spec(size, CELLS, boxes_per_cell=[3 if reduced else 6, 6, 6, 6, 6, 6])
    assert spec is not None
    np.testing.assert_allclose(make_priors(spec), slow_anchors(*size, CELLS, reduced=reduced), atol=1e-6)


def test_other_numbers_of_boxes() -> None:
    """The rules do not give 4 boxes a cell."""
    assert api_spec(Size(300, 300), CELLS, boxes_per_cell=[4] * 6) is None


def anchors(offset: float = 0.5, step: float = 0.25) -> np.ndarray:
    """(y, x, height, width) of two boxes on a map of 4 x 3 cells, and one box on a map of one cell."""
    cells = [(step * (i + offset), step * (j + offset)) for i in range(4) for j in range(3)]
    rows = [(*center, *size) for center in cells for size in ((0.3, 0.2), (0.9, 1.4))]
    return np.array([*rows, (0.5, 0.5, 0.7, 0.7)], dtype=np.float32)


@pytest.mark.parametrize(("offset", "step"), [(0.5, 0.25), (0.25, 0.25), (0.5, 0.2)])
def test_grids(offset: float, step: float) -> None:
    """Priors made of an array against the array, also for other steps and offsets, as corners too."""
    given = anchors(offset, step)
    low, high = given[:, :2] - given[:, 2:] / 2, given[:, :2] + given[:, 2:] / 2
    np.testing.assert_allclose(from_corners(np.concatenate([low, high], axis=1)), given, atol=1e-6)
    spec = grid_spec(given, Size(300, 200), [Size(4, 3), Size(1, 1)], boxes_per_cell=[2, 1])
    assert spec is not None
    np.testing.assert_allclose(make_priors(spec), given[:, [1, 0, 3, 2]], atol=1e-6)


@pytest.mark.parametrize("kind", ["count", "sizes", "centers", "negative", "not finite"])
def test_no_grids(kind: str) -> None:
    """Arrays that no grid of these maps gives."""
    given = anchors()
    if kind == "count":
        given = given[1:]
    elif kind == "sizes":
        given[3, 2] += 0.01
    elif kind == "centers":
        given[3, 0] += 0.01
    elif kind == "negative":
        given[::2, 3] = -0.1
    else:
        given[0, 0] = np.nan
    assert grid_spec(given, Size(300, 200), [Size(4, 3), Size(1, 1)], boxes_per_cell=[2, 1]) is None
