"""Several drawings of one size on one sheet, in rows and columns."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.drawing.colors import PAPER
from multibox.size import Size

GAP = 6
"""Pixels of paper around and between the tiles, by default."""


def centered(image: UInt8[np.ndarray, "h w 3"], tile: Size) -> UInt8[np.ndarray, "H W 3"]:
    """Return the image in the middle of a tile of paper; it must fit."""
    height, width = image.shape[:2]
    above, left = (tile.height - height) // 2, (tile.width - width) // 2
    below, right = tile.height - height - above, tile.width - width - left
    return cv2.copyMakeBorder(image, above, below, left, right, cv2.BORDER_CONSTANT, value=PAPER)


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
