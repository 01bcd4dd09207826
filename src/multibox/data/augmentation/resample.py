"""The part of an image that a window shows, resampled directly to its final size.

A window is a rectangle of the image plane, (left, top, width, height) in pixels of the image, whole or fractional. It
is stretched over the output, so output column X has its center at left + (X + 1/2) width / output width. Output pixels
outside the image are not computed.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.data.augmentation import kernels
from multibox.data.augmentation.kernels import Axis, Taps
from multibox.size import Size

Window = tuple[float, float, float, float]
Interpolation = Literal["linear", "area", "nearest", "cubic", "lanczos"]

_OPENCV = {
    "linear": cv2.INTER_LINEAR,
    "area": cv2.INTER_AREA,
    "nearest": cv2.INTER_NEAREST,
    "cubic": cv2.INTER_CUBIC,
}


class Resampled(NamedTuple):
    """The output pixels that show the image; `left` and `top` are the output column and row of the first one."""

    pixels: UInt8[np.ndarray, "h w 3"]
    left: int
    top: int


def cut(image: UInt8[np.ndarray, "H W 3"], window: Window) -> tuple[UInt8[np.ndarray, "H2 W2 3"], Window]:
    """The pixels of the image inside a window, and the window relative to them."""
    left, top, width, height = window
    right, bottom = (max(0, math.ceil(side)) for side in (left + width, top + height))
    x, y = (max(0, math.floor(side)) for side in (left, top))
    return image[y:bottom, x:right], (left - x, top - y, width, height)


def resample(
    image: UInt8[np.ndarray, "H W 3"], *, window: Window, size: Size, interpolation: Interpolation
) -> Resampled:
    """The pixels of an output of `size` with centers on the image, which has been `cut`.

    For a window of whole pixels inside the image, the result equals that of cutting it out and cv2.resize. For other
    windows the same kernel is placed at the same fractional positions, and the image is continued by its border pixels.
    """
    columns = _axis(window[0], window[2], size.width, image.shape[1])
    rows = _axis(window[1], window[3], size.height, image.shape[0])
    if columns.first >= columns.beyond or rows.first >= rows.beyond:
        return Resampled(np.zeros((0, 0, 3), np.uint8), 0, 0)
    if interpolation != "lanczos" and window == (0, 0, *image.shape[1::-1]):
        return Resampled(cv2.resize(image, size[::-1], interpolation=_OPENCV[interpolation]), 0, 0)
    if interpolation == "nearest":
        pixels = _nearest(image, rows, columns)
    elif interpolation == "linear":
        pixels = _linear(image, rows, columns)
    else:
        pixels = _separable(image, rows, columns, _kernel(interpolation, rows.step, columns.step))
    return Resampled(pixels, columns.first, rows.first)


def _axis(start: float, extent: float, count: int, length: int) -> Axis:
    """The output positions with centers on the image, which has `length` pixels along this axis."""
    step = 1 / (count / extent)  # in the order of OpenCV, because its NEAREST depends on the last bit
    first, beyond = (min(max(math.ceil((end - start) / step - 0.5), 0), count) for end in (0, length))
    return Axis(start, step, first, beyond)


def _kernel(interpolation: Interpolation, step_y: float, step_x: float) -> Callable[[Axis], Taps]:
    if interpolation == "cubic":
        return kernels.cubic
    if interpolation == "lanczos":
        return kernels.lanczos
    return kernels.mean if step_y >= 1 and step_x >= 1 else kernels.mean_when_enlarged


def _nearest(image: UInt8[np.ndarray, "H W 3"], rows: Axis, columns: Axis) -> UInt8[np.ndarray, "h w 3"]:
    """The rule of OpenCV: the input pixel at the start of an output pixel, not the one at its center."""
    y, x = (np.floor(axis.start + np.floor(axis.step * axis.positions)).astype(int) for axis in (rows, columns))
    kept = image[y.clip(0, image.shape[0] - 1)]
    return np.take(kept, x.clip(0, image.shape[1] - 1), axis=1)


def _linear(image: UInt8[np.ndarray, "H W 3"], rows: Axis, columns: Axis) -> UInt8[np.ndarray, "h w 3"]:
    """Linear interpolation by warpAffine, which is fastest and rounds positions to 1/32 pixel."""
    shift_x, shift_y = (axis.start + axis.step * (axis.first + 0.5) - 0.5 for axis in (columns, rows))
    matrix = np.array([[columns.step, 0, shift_x], [0, rows.step, shift_y]])
    size = (columns.beyond - columns.first, rows.beyond - rows.first)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _separable(
    image: UInt8[np.ndarray, "H W 3"], rows: Axis, columns: Axis, kernel: Callable[[Axis], Taps]
) -> UInt8[np.ndarray, "h w 3"]:
    """Filter the rows first, then the columns as the rows of the transposed image."""
    height, width = rows.beyond - rows.first, columns.beyond - columns.first
    source = image.astype(np.float32).reshape(len(image), -1)
    squeezed = kernels.apply_rows(source, kernel(rows)).reshape(height, -1, 3)
    turned = cv2.transpose(squeezed).reshape(-1, height * 3)
    done = kernels.apply_rows(turned, kernel(columns)).reshape(width, height, 3)
    np.rint(done.clip(0, 255, out=done), out=done)
    return cv2.transpose(done.astype(np.uint8))
