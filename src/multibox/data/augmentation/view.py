"""Views: the rectangle of the image plane that a training sample shows, and the positions of boxes in it.

This is rectangle arithmetic without pixels. A view may extend beyond the image (zoom-out) or be a part of it (crop).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from multibox.size import Size


@dataclass(frozen=True)
class View:
    """A rectangle in pixels of the image: exact for boxes, in whole pixels for the image itself.

    `corners` are (x1, y1, x2, y2), continuous. `pixels` are (left, top, width, height) in whole pixels; left and top
    are negative if the view begins outside the image. The official code truncates the rectangle that it copies and
    keeps the exact one for the boxes, so the two differ by less than one pixel on each side.
    """

    corners: tuple[float, float, float, float]
    pixels: tuple[int, int, int, int]


def whole(size: Size) -> View:
    """The view that shows an image of `size` exactly."""
    height, width = size
    return View((0.0, 0.0, float(width), float(height)), (0, 0, width, height))


def zoom_out(size: Size, *, ratio: float, shift: tuple[float, float]) -> View:
    """A canvas with `ratio` times the width and the height of the image, which is at the relative position `shift`.

    `shift` are two numbers in [0, 1): the shares of the free space that are left of the image and above it. Size and
    position are truncated to whole pixels (ExpandImage of data_transformer.cpp; paper section 3.6).
    """
    width, height = int(size.width * ratio), int(size.height * ratio)
    left, top = int(shift[0] * (width - size.width)), int(shift[1] * (height - size.height))
    corners = (float(-left), float(-top), float(width - left), float(height - top))
    return View(corners, (-left, -top, width, height))


def crop(view: View, patch: Float32[np.ndarray, "4"]) -> View:
    """The part of a view inside `patch`, corners relative to the view (CropImage of data_transformer.cpp)."""
    left, top, width, height = view.pixels
    x1, y1, x2, y2 = (np.clip(patch, 0, 1) * np.array([width, height, width, height], np.float32)).tolist()
    pixels = (left + int(x1), top + int(y1), max(1, int(x2 - x1)), max(1, int(y2 - y1)))
    return View((left + x1, top + y1, left + x2, top + y2), pixels)


def relative(boxes: Float32[np.ndarray, "g 4"], view: View) -> Float64[np.ndarray, "g 4"]:
    """Boxes in pixels of the image as corners relative to the view, not clipped."""
    x1, y1, x2, y2 = view.corners
    return (boxes - np.array([x1, y1, x1, y1])) / np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])


def emitted(boxes: Float64[np.ndarray, "g 4"]) -> Bool[np.ndarray, " g"]:
    """Which relative boxes are kept: those with a center in the view or on its border, and some area in the view.

    Emit rule CENTER of `MeetEmitConstraint`, `util/sampler.cpp` and `data_transformer.cpp`; paper section 2.2.
    """
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    clipped = np.clip(boxes, 0, 1)
    return ((centers >= 0) & (centers <= 1) & (clipped[:, 2:] > clipped[:, :2])).all(axis=1)
