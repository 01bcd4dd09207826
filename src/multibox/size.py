"""The size of an image or of a network's input, always (height, width)."""

from typing import NamedTuple


class Size(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int
