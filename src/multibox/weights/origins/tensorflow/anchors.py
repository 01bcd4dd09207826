"""The anchors of the Object Detection API as priors: from the arrays of a file, or by the API's rules.

A box of the API is (y, x, height, width) or two corners (y, x), relative to the input.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from multibox.priors import BoxSize, PriorMap, PriorSpec, Step, equation4_scales, listed_map
from multibox.size import Size

RATIOS = (1.0, 2.0, 0.5, 3.0, 0.3333)
"""Width / height of the boxes of a cell, as in the API's published configurations."""

_SMALLEST, _LARGEST = 0.2, 0.95
_REDUCED_SCALE = 0.1
_ROUNDING = 2e-4  # of a coordinate; float16 and the API's float32 arithmetic stay below


def api_spec(input_size: Size, cells: Sequence[Size], *, boxes_per_cell: Sequence[int]) -> PriorSpec | None:
    """The priors by the API's rules (ssd_anchor_generator) with its usual numbers.

    Scales are those of equation 4 from 0.2 to 0.95. A cell has a box for each of RATIOS and a square whose scale is the
    geometric mean of this and the next scale; with `reduce_boxes_in_lowest_layer`, those of the first map are a square
    of scale 0.1 and boxes of ratio 2 and 1/2. None if these rules give other numbers of boxes.
    """
    scales = (*equation4_scales(len(cells), smallest=_SMALLEST, largest=_LARGEST), 1.0)
    shapes = [_full(scale, following) for scale, following in pairwise(scales)]
    if boxes_per_cell[0] == 3:
        shapes[0] = [(_REDUCED_SCALE, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
    if [len(boxes) for boxes in shapes] != list(boxes_per_cell):
        return None
    maps = tuple(_map(input_size, n, boxes) for n, boxes in zip(cells, shapes, strict=True))
    return PriorSpec(input_size, maps)


def _full(scale: float, following: float) -> list[tuple[float, float]]:
    """Scale and ratio of all boxes of a cell."""
    return [*((scale, ratio) for ratio in RATIOS), ((scale * following) ** 0.5, 1.0)]


def _map(input_size: Size, cells: Size, boxes: Sequence[tuple[float, float]]) -> PriorMap:
    """Boxes in pixels. Scales refer to the shorter side of the input, so that squares are square in the image."""
    side = min(input_size)
    sizes = [BoxSize(side * scale / ratio**0.5, side * scale * ratio**0.5) for scale, ratio in boxes]
    return listed_map(cells, _step(input_size, cells), sizes)


def _step(input_size: Size, cells: Size) -> Step:
    return Step(input_size.height / cells.height, input_size.width / cells.width)


def from_corners(anchors: Float[np.ndarray, "p 4"]) -> Float[np.ndarray, "p 4"]:
    """(y1, x1, y2, x2) as (y, x, height, width)."""
    low, high = anchors[:, :2].astype(np.float64), anchors[:, 2:].astype(np.float64)
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def grid_spec(
    anchors: Float[np.ndarray, "p 4"],
    input_size: Size,
    cells: Sequence[Size],
    *,
    boxes_per_cell: Sequence[int],
) -> PriorSpec | None:
    """The priors that equal these anchors (y, x, height, width); None if they are no regular grid on these maps."""
    counts = [n.height * n.width * boxes for n, boxes in zip(cells, boxes_per_cell, strict=True)]
    if sum(counts) != len(anchors) or not np.isfinite(anchors).all() or (anchors[:, 2:] <= 0).any():
        return None
    parts = np.split(anchors.astype(np.float64), np.cumsum(counts)[:-1])
    maps = [_grid_map(part, input_size, n) for part, n in zip(parts, cells, strict=True)]
    found = tuple(one for one in maps if one is not None)
    return PriorSpec(input_size, found) if len(found) == len(maps) else None


def _grid_map(anchors: Float[np.ndarray, "p 4"], input_size: Size, cells: Size) -> PriorMap | None:
    """One map: the sizes of a cell, which all cells share, around centers at half a step or at another offset."""
    grid = anchors.reshape(*cells, -1, 4)
    sizes = grid[..., 2:].mean(axis=(0, 1))
    if np.abs(grid[..., 2:] - sizes).max() > _ROUNDING:
        return None
    rows, columns = grid[..., 0].mean(axis=(1, 2)), grid[..., 1].mean(axis=(0, 2))
    placed = _placed(rows, columns, cells)
    centers = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)[:, :, None]
    if placed is None or np.abs(grid[..., :2] - centers).max() > _ROUNDING:
        return None
    (down, right), offset = placed
    height, width = input_size
    boxes = [BoxSize(float(h * height), float(w * width)) for h, w in sizes]
    return replace(listed_map(cells, Step(down * height, right * width), boxes), offset=offset)


def _placed(
    rows: Float[np.ndarray, " h"], columns: Float[np.ndarray, " w"], cells: Size
) -> tuple[tuple[float, float], float] | None:
    """Steps (down, right) relative to the input and the offset of the first center in steps; None if there are none."""
    usual = [(np.arange(n) + 0.5) / n for n in cells]
    if all(np.abs(at - want).max() <= _ROUNDING for at, want in zip((rows, columns), usual, strict=True)):
        return (1 / cells.height, 1 / cells.width), 0.5
    steps = [float((at[-1] - at[0]) / (len(at) - 1)) if len(at) > 1 else 1 / len(at) for at in (rows, columns)]
    if min(steps) <= 0:
        return None
    offsets = [float(at[0]) / step for at, step in zip((rows, columns), steps, strict=True)]
    even = all(
        np.abs(at - (np.arange(len(at)) + offset) * step).max() <= _ROUNDING
        for at, step, offset in zip((rows, columns), steps, offsets, strict=True)
    )
    return ((steps[0], steps[1]), offsets[0]) if even and abs(offsets[0] - offsets[1]) <= 0.01 else None
