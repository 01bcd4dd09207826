"""The priors of single cells drawn to scale, one panel for each source map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from multibox.drawing.colors import INK, PAPER, Color, class_color
from multibox.drawing.grid import in_rows
from multibox.errors import UsageError
from multibox.priors import PriorMap, PriorSpec, make_prior_corners
from multibox.size import Size

Cells = Mapping[int, Sequence[tuple[int, int]]]
"""(row, column) of the cells to draw, by the number of their map; all count from 0."""

_PANEL_WIDTH, _PANEL_GAP, _LINE_HEIGHT = 400, 14, 24  # pixels of the drawing
_PANELS_PER_ROW = 3
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5
_INPUT_COLOR, _CENTER_COLOR, _WHITE = (226, 229, 233), (140, 145, 152), (255, 255, 255)
_LARGEST_MARGIN = 0.5  # as a share of the input's longer side


@dataclass(frozen=True)
class _Layout:
    """What all panels have in common: `margin` is the space around the input, in pixels of the input."""

    input_size: Size
    margin: float
    legend_lines: int

    @property
    def scale(self) -> float:
        """Pixels of the drawing for a pixel of the input."""
        return _PANEL_WIDTH / (max(self.input_size) + 2 * self.margin)

    @property
    def plane(self) -> Size:
        """Input and margin in pixels of the drawing."""
        height, width = self.input_size
        return Size(round((height + 2 * self.margin) * self.scale), round((width + 2 * self.margin) * self.scale))

    def drawn(self, points: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
        """Coordinates of the input as coordinates of the drawing."""
        return (points + self.margin) * self.scale


def draw_priors(
    spec: PriorSpec, *, image: UInt8[np.ndarray, "h w 3"] | None = None, cells: Cells | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """An RGB drawing of the priors of some cells over the network's input; all panels have one scale.

    `image` is stretched to the input, as the network sees it. Without it, each panel shows the centers of all cells of
    its map. `cells` are the cells to draw, by default the middle cell of each map. Boxes may reach beyond the input.
    Raises UsageError for maps and cells that do not exist.
    """
    cells = {number: [middle_cell(source)] for number, source in enumerate(spec.maps)} if cells is None else cells
    _check_cells(spec, cells)
    boxes = {number: _cell_boxes(spec, number, places) for number, places in sorted(cells.items())}
    lines = 1 + max((spec.maps[number].boxes_per_cell + 1) // 2 for number in boxes)
    layout = _Layout(Size(*spec.input_size), _margin(spec.input_size, list(boxes.values())), lines)
    panels = [_panel(spec.maps[number], number, found, image, layout) for number, found in boxes.items()]
    return in_rows(panels, columns=_PANELS_PER_ROW, gap=_PANEL_GAP)


def middle_cell(source: PriorMap) -> tuple[int, int]:
    """(row, column) of the cell in the middle of a map; of two middle ones, the lower or the right one."""
    return source.cells[0] // 2, source.cells[1] // 2


def _check_cells(spec: PriorSpec, cells: Cells) -> None:
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
    """Corners, in pixels of the input, of the k priors of each of n cells."""
    source, (height, width) = spec.maps[number], spec.input_size
    corners = make_prior_corners(spec.keep([number])).astype(np.float64) * [width, height, width, height]
    grid = corners.reshape(*source.cells, source.boxes_per_cell, 4)
    return np.stack([grid[row, column] for row, column in places])


def _margin(input_size: Size, boxes: Sequence[Float64[np.ndarray, "_ _ 4"]]) -> float:
    """The space around the input, in its pixels, that shows all boxes completely, up to a limit."""
    height, width = input_size
    corners = np.concatenate([found.reshape(-1, 4) for found in boxes])
    beyond = max(-corners[:, :2].min(), corners[:, 2].max() - width, corners[:, 3].max() - height, 0.0)
    return float(min(beyond, _LARGEST_MARGIN * max(height, width))) + 4


def _panel(
    source: PriorMap,
    number: int,
    boxes: Float64[np.ndarray, "n k 4"],
    image: UInt8[np.ndarray, "h w 3"] | None,
    layout: _Layout,
) -> UInt8[np.ndarray, "H W 3"]:
    """The boxes over the input, the largest at the bottom, and the legend below."""
    height, width = layout.plane
    panel = np.full((height + layout.legend_lines * _LINE_HEIGHT + 8, max(width, _PANEL_WIDTH), 3), PAPER, np.uint8)
    plane = panel[:height, :width]
    _draw_input(plane, source, image, layout)
    order = np.argsort(-np.prod(boxes[0, :, 2:] - boxes[0, :, :2], axis=1), kind="stable")
    for cell in boxes:
        for place in order:
            _draw_rectangle(plane, layout.drawn(cell[place]), class_color(int(place)))
        _draw_cross(plane, layout.drawn((cell[0, :2] + cell[0, 2:]) / 2))
    _draw_legend(panel[height:], source, number, boxes[0, :, 2:] - boxes[0, :, :2])
    return panel


def _draw_input(
    plane: UInt8[np.ndarray, "h w 3"], source: PriorMap, image: UInt8[np.ndarray, "_ _ 3"] | None, layout: _Layout
) -> None:
    corner = round(layout.margin * layout.scale)
    height, width = (round(side * layout.scale) for side in layout.input_size)
    inside = plane[corner : corner + height, corner : corner + width]
    if image is None:
        inside[:] = _INPUT_COLOR
        _draw_centers(plane, source, layout)
    else:
        inside[:] = cv2.resize(image, inside.shape[1::-1], interpolation=cv2.INTER_AREA)


def _draw_centers(plane: UInt8[np.ndarray, "h w 3"], source: PriorMap, layout: _Layout) -> None:
    """A dot of three pixels at the center of each cell of the map."""
    rows, columns = (
        np.round(layout.drawn((np.arange(count) + 0.5) * step)).astype(int)
        for count, step in zip(source.cells, source.step, strict=True)
    )
    rows, columns = rows[rows < plane.shape[0]], columns[columns < plane.shape[1]]
    for shift in (0, 1):
        plane[np.ix_(rows - shift, columns)] = _CENTER_COLOR
        plane[np.ix_(rows, columns - shift)] = _CENTER_COLOR


def _draw_rectangle(plane: UInt8[np.ndarray, "h w 3"], box: Float64[np.ndarray, "4"], color: Color) -> None:
    x1, y1, x2, y2 = np.round(box).astype(int).tolist()
    cv2.rectangle(plane, (x1, y1), (x2, y2), INK, 4)
    cv2.rectangle(plane, (x1, y1), (x2, y2), color, 2)


def _draw_cross(plane: UInt8[np.ndarray, "h w 3"], center: Float64[np.ndarray, "2"]) -> None:
    x, y = np.round(center).astype(int).tolist()
    cv2.drawMarker(plane, (x, y), _WHITE, cv2.MARKER_CROSS, 11, 3)
    cv2.drawMarker(plane, (x, y), INK, cv2.MARKER_CROSS, 9, 1)


def _draw_legend(
    space: UInt8[np.ndarray, "h w 3"], source: PriorMap, number: int, shapes: Float64[np.ndarray, "k 2"]
) -> None:
    """The map with its grid, then the color and width x height of each box, two boxes per line."""
    steps = " x ".join(dict.fromkeys(f"{step:.4g}" for step in source.step))
    _write(space, f"map {number + 1}: {source.cells[0]} x {source.cells[1]} cells, step {steps}", 2, 0)
    for place, (width, height) in enumerate(shapes.round(1).tolist()):
        line, column = divmod(place, 2)
        x, y = 2 + column * (_PANEL_WIDTH // 2), (line + 1) * _LINE_HEIGHT
        space[y + 7 : y + 19, x : x + 12] = class_color(place)
        _write(space, f"{width:g} x {height:g}", x + 20, y)


def _write(space: UInt8[np.ndarray, "h w 3"], text: str, x: int, y: int) -> None:
    cv2.putText(space, text, (x, y + _LINE_HEIGHT - 6), _FONT, _FONT_SCALE, INK, 1, cv2.LINE_AA)
