"""The display matrix of a video: how decoders have to turn and mirror frames that a phone stored as its sensor is."""

import struct
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8


class Turn(NamedTuple):
    """How a stored frame becomes upright: swap rows and columns first, then mirror."""

    transpose: bool = False
    mirror_columns: bool = False
    mirror_rows: bool = False

    def apply(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "rows columns 3"]:
        """The upright image."""
        if self == Turn():
            return image
        if self.transpose:
            image = image.transpose(1, 0, 2)
        if self.mirror_columns:
            image = image[:, ::-1]
        if self.mirror_rows:
            image = image[::-1]
        return np.ascontiguousarray(image)


def turn_of(frame: Any) -> Turn:
    """The turn of a decoded frame of PyAV, from its side data; angles other than multiples of 90 degrees are rounded.

    The matrix maps the stored point (x, y) to (a x + c y, b x + d y) (ISO 14496-12, section 8.3.2).
    """
    from av.sidedata.sidedata import Type

    try:
        matrix = struct.unpack("=9i", bytes(frame.side_data[Type.DISPLAYMATRIX]))
    except (KeyError, struct.error):
        return Turn()
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(b) > abs(a):
        return Turn(transpose=True, mirror_columns=c < 0, mirror_rows=b < 0)
    return Turn(mirror_columns=a < 0, mirror_rows=d < 0)
