"""Drawings of priors and of missed objects."""

from pathlib import Path

import numpy as np
import pytest

from multibox.drawing.colors import class_color
from multibox.errors import UsageError
from multibox.models.config import ssdlite320_config
from multibox.priors import SPECS, PriorMap, PriorSpec, Step
from multibox.size import Size
from multibox.tiling.missed import MissedObject
from multibox.tiling.missed_sheet import draw_missed
from multibox.tiling.panels import draw_priors, middle_cell
from tiny_detector import noise_image, write_image

ONE = PriorSpec(Size(300, 300), (PriorMap(Size(3, 3), Step(100.0, 100.0), 60.0, None, (2.0,)),))


def columns_of(image: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Columns of the drawing, without the legend, that show a color."""
    return np.flatnonzero((image[:410] == color).all(axis=2).any(axis=0))


def test_boxes_are_drawn_where_they_are() -> None:
    """Left and right edges of the three boxes of a cell against its center and their widths, to two pixels."""
    image = draw_priors(ONE, cells={0: [(1, 0)]})
    scale = 400 / 308  # a panel shows the input of 300 and a margin of 4 on both sides
    for place, width in enumerate((60, 60 * 2**0.5, 60 / 2**0.5)):
        columns = columns_of(image, class_color(place))
        wanted = np.array([50 - width / 2, 50 + width / 2]) * scale + 14 + 4 * scale
        np.testing.assert_allclose([columns.min(), columns.max()], wanted, atol=2.5)


@pytest.mark.parametrize(("name", "rows"), [("ssd300-voc", 2), ("ssd512-voc", 3)])
def test_a_panel_for_each_map(name: str, rows: int) -> None:
    """Panels in rows of three, all of one size, with and without a photograph."""
    spec = SPECS[name]
    plain = draw_priors(spec)
    height, width = plain.shape[:2]
    assert width == 3 * 414 + 14
    assert (height - 14) % rows == 0
    assert draw_priors(spec, image=noise_image(seed=1)).shape == plain.shape
    assert (plain == class_color(1)).all(axis=2).any()


def test_middle_cells_and_limits_of_the_sides() -> None:
    """The middle of odd and even grids; a model whose priors are limited to the input's sides."""
    assert [middle_cell(source) for source in SPECS["ssd300-voc"].maps[2:]] == [(5, 5), (2, 2), (1, 1), (0, 0)]
    assert draw_priors(ssdlite320_config().priors).shape[1] == 3 * 414 + 14


@pytest.mark.parametrize(
    ("cells", "message"), [({1: [(0, 0)]}, "map 2 does not exist"), ({0: [(0, 3)]}, "map 1 has no cell 1,4")]
)
def test_cells_that_do_not_exist(cells: dict[int, list[tuple[int, int]]], message: str) -> None:
    """The error names map or cell, counted from 1."""
    with pytest.raises(UsageError, match=message):
        draw_priors(ONE, cells=cells)


def test_missed_objects_on_a_sheet(tmp_path: Path) -> None:
    """Two tiles for three objects, one of an image that cannot be read: both colors on it; none without images."""
    path = write_image(tmp_path / "a.png", noise_image(seed=0))
    missed = [
        MissedObject(file, "cup", 0, (10.0, 10.0, 20.0, 40.0), (18.0, 75.0), 0.2, 4)
        for file in (path, tmp_path / "absent.png", path)
    ]
    sheet = draw_missed(missed, ONE)
    assert sheet is not None
    assert sheet.shape == (260 + 26 + 12, 2 * 266 + 6, 3)
    for label in (0, 1):
        assert (sheet == class_color(label)).all(axis=2).any()
    assert draw_missed(missed[1:2], ONE) is None
    assert draw_missed([], ONE) is None
