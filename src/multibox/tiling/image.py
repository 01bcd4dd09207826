"""The priors of single cells drawn to scale, one panel for each source map."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from multibox.drawing.colors import class_color
from multibox.errors import UsageError
from multibox.priors import PriorMap, PriorSpec, make_prior_corners

Cells = Mapping[int, Sequence[tuple[int, int]]]

_PANEL, _GAP, _LINE = 400, 14, 24  # pixels: side of a panel, paper between panels, height of a line of text
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5
_PAPER, _CANVAS, _INK, _SOFT = (246, 246, 246), (226, 229, 233), (29, 29, 34), (140, 145, 152)
_MARGIN = 0.5  # at most, of the input's side


def draw_priors(
    spec: PriorSpec, *, image: UInt8[np.ndarray, "h w 3"] | None = None, cells: Cells | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """An image of the priors of some cells over the network's input, all panels in one scale, sizes in pixels.

    `image` is stretched to the input, as the network sees it; without one the input is a plain sheet with a dot at the
    center of each cell. `cells` are (row, column) from 0 by the number of the map from 0; without them the middle cell
    of each map is drawn. Boxes may reach beyond the input. Raises UsageError for maps and cells that do not exist.
    """
    cells = {number: [middle_cell(source)] for number, source in enumerate(spec.maps)} if cells is None else cells
    _check(spec, cells)
    boxes = {number: _cell_boxes(spec, number, places) for number, places in sorted(cells.items())}
    margin = _margin(spec, list(boxes.values()))
    lines = 1 + max((spec.maps[number].boxes_per_cell + 1) // 2 for number in boxes)
    panels = [_panel(spec, number, found, image, margin, lines) for number, found in boxes.items()]
    return _in_rows(panels)


def middle_cell(source: PriorMap) -> tuple[int, int]:
    """(row, column) of the cell in the middle of a map, or just below and right of it."""
    return source.cells[0] // 2, source.cells[1] // 2


def _check(spec: PriorSpec, cells: Cells) -> None:
    for number, places in cells.items():
        if not 0 <= number < len(spec.maps):
            raise UsageError(f"map {number + 1} does not exist; maps are 1 to {len(spec.maps)}")
        rows, columns = spec.maps[number].cells
        for row, column in places:
            if not (0 <= row < rows and 0 <= column < columns):
                raise UsageError(
                    f"map {number + 1} has no cell {row + 1},{column + 1}; rows are 1 to {rows}, columns 1 to {columns}"
                )


def _cell_boxes(spec: PriorSpec, number: int, places: Sequence[tuple[int, int]]) -> Float64[np.ndarray, "n k 4"]:
    """Corners in pixels of the input of the k priors of each of n cells."""
    source, (height, width) = spec.maps[number], spec.input_size
    corners = make_prior_corners(spec.keep([number])).double().numpy() * [width, height, width, height]
    grid = corners.reshape(*source.cells, source.boxes_per_cell, 4)
    return np.stack([grid[row, column] for row, column in places])


def _margin(spec: PriorSpec, boxes: Sequence[Float64[np.ndarray, "_ _ 4"]]) -> float:
    """The room around the input that all boxes need, in pixels of the input, within reason."""
    height, width = spec.input_size
    corners = np.concatenate([found.reshape(-1, 4) for found in boxes])
    beyond = max(-corners[:, :2].min(), corners[:, 2].max() - width, corners[:, 3].max() - height, 0.0)
    return float(min(beyond, _MARGIN * max(height, width))) + 4


def _panel(
    spec: PriorSpec,
    number: int,
    boxes: Float64[np.ndarray, "n k 4"],
    image: UInt8[np.ndarray, "h w 3"] | None,
    margin: float,
    lines: int,
) -> UInt8[np.ndarray, "H W 3"]:
    height, width = spec.input_size
    scale = _PANEL / (max(height, width) + 2 * margin)
    tall, wide = (round((side + 2 * margin) * scale) for side in (height, width))
    panel = np.full((tall + lines * _LINE + 8, max(wide, _PANEL), 3), _PAPER, np.uint8)
    plane = panel[:tall, :wide]
    x1, y1 = round(margin * scale), round(margin * scale)
    inside = plane[y1 : y1 + round(height * scale), x1 : x1 + round(width * scale)]
    inside[:] = _CANVAS if image is None else _fitted(image, inside.shape[0], inside.shape[1])
    if image is None:
        _dots(plane, spec.maps[number], margin, scale)
    order = np.argsort(-np.prod(boxes[0, :, 2:] - boxes[0, :, :2], axis=1), kind="stable")
    for cell in boxes:
        for place in order:
            _rectangle(plane, (cell[place] + margin) * scale, class_color(int(place)))
        _cross(plane, ((cell[0, :2] + cell[0, 2:]) / 2 + margin) * scale)
    _legend(panel[tall:], spec.maps[number], number, boxes[0, :, 2:] - boxes[0, :, :2])
    return panel


def _fitted(image: UInt8[np.ndarray, "h w 3"], height: int, width: int) -> UInt8[np.ndarray, "H W 3"]:
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _dots(plane: UInt8[np.ndarray, "h w 3"], source: PriorMap, margin: float, scale: float) -> None:
    height, width = plane.shape[:2]
    rows, columns = (
        np.round(((np.arange(count) + 0.5) * step + margin) * scale).astype(int)
        for count, step in zip(source.cells, source.step, strict=True)
    )
    for shift in (0, 1):
        plane[np.ix_(rows[rows < height] - shift, columns[columns < width])] = _SOFT
        plane[np.ix_(rows[rows < height], columns[columns < width] - shift)] = _SOFT


def _rectangle(plane: UInt8[np.ndarray, "h w 3"], box: Float64[np.ndarray, "4"], color: tuple[int, int, int]) -> None:
    x1, y1, x2, y2 = np.round(box).astype(int).tolist()
    cv2.rectangle(plane, (x1, y1), (x2, y2), _INK, 4)
    cv2.rectangle(plane, (x1, y1), (x2, y2), color, 2)


def _cross(plane: UInt8[np.ndarray, "h w 3"], center: Float64[np.ndarray, "2"]) -> None:
    x, y = np.round(center).astype(int).tolist()
    cv2.drawMarker(plane, (x, y), (255, 255, 255), cv2.MARKER_CROSS, 11, 3)
    cv2.drawMarker(plane, (x, y), _INK, cv2.MARKER_CROSS, 9, 1)


def _legend(room: UInt8[np.ndarray, "h w 3"], source: PriorMap, number: int, sides: Float64[np.ndarray, "k 2"]) -> None:
    """The map's name and grid, then width x height of each box with its color, two in a line."""
    steps = " x ".join(dict.fromkeys(f"{step:.4g}" for step in source.step))
    _write(room, f"map {number + 1}: {source.cells[0]} x {source.cells[1]} cells, step {steps}", 2, 0)
    for place, (width, height) in enumerate(sides.round(1).tolist()):
        line, column = divmod(place, 2)
        x, y = 2 + column * (_PANEL // 2), (line + 1) * _LINE
        room[y + 7 : y + 19, x : x + 12] = class_color(place)
        _write(room, f"{width:g} x {height:g}", x + 20, y)


def _write(room: UInt8[np.ndarray, "h w 3"], text: str, x: int, y: int) -> None:
    cv2.putText(room, text, (x, y + _LINE - 6), _FONT, _SCALE, _INK, 1, cv2.LINE_AA)


def _in_rows(panels: Sequence[UInt8[np.ndarray, "h w 3"]]) -> UInt8[np.ndarray, "H W 3"]:
    """Panels in rows of three."""
    columns = min(3, len(panels))
    height, width = panels[0].shape[:2]
    rows = -(-len(panels) // columns)
    sheet = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), _PAPER, np.uint8)
    for number, panel in enumerate(panels):
        y, x = (_GAP + (side + _GAP) * k for side, k in zip((height, width), divmod(number, columns), strict=True))
        sheet[y : y + height, x : x + width] = panel
    return sheet
