"""Several drawings of one size on one sheet, in rows and columns."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from multibox.drawing.colors import PAPER

GAP = 6
"""Pixels of paper around and between the tiles, if nothing else is asked for."""


def in_rows(
    tiles: Sequence[UInt8[np.ndarray, "h w 3"]], *, columns: int | None = None, gap: int = GAP
) -> UInt8[np.ndarray, "H W 3"]:
    """A sheet of RGB tiles of one size, row by row, with `gap` pixels of paper around each.

    The default number of columns makes the grid about 4 to 3. There are never more columns than tiles.
    """
    columns = min(len(tiles), columns or math.ceil(math.sqrt(len(tiles) * 4 / 3)))
    height, width = tiles[0].shape[:2]
    rows = math.ceil(len(tiles) / columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        y, x = gap + row * (height + gap), gap + column * (width + gap)
        sheet[y : y + height, x : x + width] = tile
    return sheet
