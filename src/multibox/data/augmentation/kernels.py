"""Resampling kernels along one axis: weights on neighboring pixels, applied as narrow matrix products.

The kernels are those of cv2.resize: four taps (cubic, a = -3/4), eight taps (Lanczos), or the mean over the extent of
an output pixel. Weights are not rounded to 1/2048 as in OpenCV's 8-bit code.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

_BLOCK_ROWS = 8  # output rows of one product: few, because distant rows share no input


class Axis(NamedTuple):
    """Output positions `first` to `beyond` - 1. Position X covers start + [X, X + 1) step of the input."""

    start: float
    step: float
    first: int
    beyond: int

    @property
    def positions(self) -> Int64[np.ndarray, " n"]:
        return np.arange(self.first, self.beyond)


class Taps(NamedTuple):
    """Row k of the output is the sum over t of `weights`[k, t] times row `base`[k] + t of the input."""

    base: Int64[np.ndarray, " n"]
    weights: Float64[np.ndarray, "n t"]


def cubic(axis: Axis) -> Taps:
    """Keys' kernel with a = -3/4."""
    base, x = _base_and_fraction(axis)
    a = -0.75
    near = [((a + 2) * t - (a + 3)) * t * t + 1 for t in (x, 1 - x)]
    far = [((a * t - 5 * a) * t + 8 * a) * t - 4 * a for t in (1 + x, 2 - x)]
    return Taps(base - 1, np.stack([far[0], near[0], near[1], far[1]], axis=1))


def lanczos(axis: Axis) -> Taps:
    """sinc(d) sinc(d / 4) at eight pixels, divided by its sum.

    sin(pi d) has the same magnitude at all of them, so it cancels. sin(pi d / 4) follows from that of the first.
    """
    base, x = _base_and_fraction(axis)
    x = np.maximum(x, 1e-6)[:, None]
    pixel = np.arange(-3, 5)
    quarter = np.sin(np.pi / 4 * x) * np.cos(np.pi / 4 * pixel) - np.cos(np.pi / 4 * x) * np.sin(np.pi / 4 * pixel)
    weights = np.where(pixel % 2, -quarter, quarter) / (x - pixel) ** 2
    return Taps(base - 3, weights / weights.sum(axis=1, keepdims=True))


def mean(axis: Axis) -> Taps:
    """The share of each pixel in [start + X step, start + (X + 1) step)."""
    begin = axis.start + axis.step * axis.positions
    base = np.floor(begin).astype(np.int64)
    pixel = base[:, None] + np.arange(int(np.ceil(axis.step)) + 1)
    covered = np.minimum(begin[:, None] + axis.step, pixel + 1) - np.maximum(begin[:, None], pixel)
    return Taps(base, np.maximum(covered, 0) / axis.step)


def mean_when_enlarged(axis: Axis) -> Taps:
    """Two taps, as INTER_AREA of OpenCV uses on both axes if one of them is enlarged.

    Computed in float32 as in OpenCV, so that the same shares are whole numbers.
    """
    inner = np.floor(axis.positions * axis.step)
    share = (axis.positions + 1 - (inner + 1) * (1 / axis.step)).astype(np.float32)
    share = np.where(share <= 0, 0, share - np.floor(share)).astype(np.float64)
    return Taps((inner + round(axis.start)).astype(np.int64), np.stack([1 - share, share], axis=1))


def apply_rows(rows: Float32[np.ndarray, "m c"], taps: Taps) -> Float32[np.ndarray, "n c"]:
    """The weighted sums of rows. Beyond its ends, the input is continued by its first and last row."""
    starts, matrices = _blocks(taps)
    last, width = len(rows) - 1, matrices.shape[2]
    out = np.empty((len(starts) * _BLOCK_ROWS, rows.shape[1]), np.float32)
    for number, start in enumerate(starts.tolist()):
        inside = start >= 0 and start + width <= last + 1
        band = rows[start : start + width] if inside else rows[np.arange(start, start + width).clip(0, last)]
        np.matmul(matrices[number], band, out=out[number * _BLOCK_ROWS : (number + 1) * _BLOCK_ROWS])
    return out[: len(taps.base)]


def _blocks(taps: Taps) -> tuple[Int64[np.ndarray, " k"], Float32[np.ndarray, "k b w"]]:
    """For each block of output rows, the first input row that it needs and the weights of the rows from there on."""
    count, reach = taps.weights.shape
    starts = taps.base[::_BLOCK_ROWS]
    row = np.arange(count)
    offset = taps.base - starts[row // _BLOCK_ROWS]
    width = int(offset.max()) + reach
    matrices = np.zeros((len(starts) * _BLOCK_ROWS, width), np.float32)
    weights = taps.weights.round(7)  # weights near 1e-20 would underflow in the products, which is slow
    matrices.reshape(-1)[(row * width + offset)[:, None] + np.arange(reach)] = weights
    return starts, matrices.reshape(len(starts), _BLOCK_ROWS, width)


def _base_and_fraction(axis: Axis) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """The last pixel center at or before each output center, and the distance between the two."""
    center = axis.start + axis.step * (axis.positions + 0.5) - 0.5
    base = np.floor(center)
    return base.astype(np.int64), center - base
