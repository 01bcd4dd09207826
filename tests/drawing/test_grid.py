"""Sheets of tiles."""

import numpy as np
import pytest

from multibox.drawing.colors import PAPER
from multibox.drawing.grid import in_rows


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (5, 2, 3), (12, 3, 4)])
def test_the_default_grid_is_about_four_to_three(count: int, rows: int, columns: int) -> None:
    """Sizes of sheets of tiles of 10 x 20 against rows and columns counted by hand, with gaps of 6."""
    tiles = [np.zeros((10, 20, 3), np.uint8)] * count
    assert in_rows(tiles).shape == (rows * 16 + 6, columns * 26 + 6, 3)


def test_tiles_are_in_reading_order_on_paper() -> None:
    """Positions of five tiles in three columns against a loop over them; all other pixels are paper."""
    tiles = [np.full((4, 5, 3), number, np.uint8) for number in range(5)]
    sheet = in_rows(tiles, columns=3, gap=2)
    expected = np.full((2 * 6 + 2, 3 * 7 + 2, 3), PAPER, np.uint8)
    for number in range(5):
        y, x = 2 + (number // 3) * 6, 2 + (number % 3) * 7
        expected[y : y + 4, x : x + 5] = number
    np.testing.assert_array_equal(sheet, expected)
