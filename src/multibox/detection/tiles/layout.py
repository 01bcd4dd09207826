"""Where the tiles of an image are."""

import math
import re
from dataclasses import dataclass

from multibox.errors import UsageError
from multibox.size import Size

AUTO = "auto"
_MOST = 16  # tiles on a side
_LARGEST = 2  # times the network input: the side of an automatic tile


@dataclass(frozen=True)
class Layout:
    """Rows and columns of tiles, None for a number that suits each image, and the overlap of neighbors.

    `overlap` is the part of a tile's side that it shares with its neighbor, from 0 to 0.9.
    """

    grid: Size | None = None
    overlap: float = 0.2

    def tiles(self, image: Size, *, input_size: Size) -> list[tuple[int, int, int, int]]:
        """The tiles of an image as (x1, y1, x2, y2) in whole pixels, row by row; one tile is the whole image.

        Automatic tiles are at most twice as large as the network input, so that objects shrink to half at most.
        """
        grid = self.grid or self._automatic(image, input_size)
        rows = _spans(image.height, grid.height, self.overlap)
        columns = _spans(image.width, grid.width, self.overlap)
        return [(left, top, right, bottom) for top, bottom in rows for left, right in columns]

    def _automatic(self, image: Size, input_size: Size) -> Size:
        return Size(*(self._count(side, _LARGEST * network) for side, network in zip(image, input_size, strict=True)))

    def _count(self, side: int, largest: int) -> int:
        """The number of overlapping tiles that cover a side."""
        step = largest * (1 - self.overlap)
        return min(_MOST, max(1, math.ceil((side - largest * self.overlap) / step)))


def parse_layout(text: str, *, overlap: float = 0.2) -> Layout:
    """The layout that "3x2" (3 rows, 2 columns) or "auto" names. Raises UsageError for other texts and overlaps."""
    if not 0 <= overlap <= 0.9:
        raise UsageError(f"the overlap of tiles is {overlap}; it must be from 0 to 0.9")
    if text == AUTO:
        return Layout(None, overlap)
    found = re.fullmatch(r"(\d{1,3})x(\d{1,3})", text)
    grid = Size(int(found[1]), int(found[2])) if found else Size(0, 0)
    if not all(1 <= number <= _MOST for number in grid):
        raise UsageError(f"tiles are {text!r}; give ROWSxCOLUMNS up to {_MOST}x{_MOST}, for example 2x2, or {AUTO}")
    return Layout(grid, overlap)


def _spans(length: int, count: int, overlap: float) -> list[tuple[int, int]]:
    """`count` equal spans that cover `length` pixels; neighbors share the part `overlap` of a span."""
    span = length / (count - (count - 1) * overlap)
    starts = [number * span * (1 - overlap) for number in range(count)]
    return [
        (min(round(start), length - 1), max(min(round(start + span), length), min(round(start), length - 1) + 1))
        for start in starts
    ]
