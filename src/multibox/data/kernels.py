"""Resampling along one axis as weights on neighbouring pixels, and their application as narrow matrix products.

The kernels are those of the resize function of OpenCV: four taps (cubic, a = -3/4), eight taps (Lanczos), or the mean
over the stretch that an output pixel covers. Weights are not rounded to 1/2048 as in its 8-bit code.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

_BLOCK = 8  # output rows in one product: small, since rows far apart share no input


class Axis(NamedTuple):
    """Output positions `first` to `beyond` - 1 on an axis where position X covers start + [X, X + 1) step."""

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
    base, x = _split(axis)
    a = -0.75
    near = [((a + 2) * t - (a + 3)) * t * t + 1 for t in (x, 1 - x)]
    far = [((a * t - 5 * a) * t + 8 * a) * t - 4 * a for t in (1 + x, 2 - x)]
    return Taps(base - 1, np.stack([far[0], near[0], near[1], far[1]], axis=1))


def lanczos(axis: Axis) -> Taps:
    """sinc(d) sinc(d / 4) at eight pixels, divided by its sum."""
    base, x = _split(axis)
    distance = x[:, None] - np.arange(-3, 5)
    weights = np.sinc(distance) * np.sinc(distance / 4)
    return Taps(base - 3, weights / weights.sum(axis=1, keepdims=True))


def mean(axis: Axis) -> Taps:
    """Shares of [start + X step, start + (X + 1) step) that lie on each pixel."""
    begin = axis.start + axis.step * axis.positions
    base = np.floor(begin).astype(np.int64)
    pixel = base[:, None] + np.arange(int(np.ceil(axis.step)) + 1)
    covered = np.minimum(begin[:, None] + axis.step, pixel + 1) - np.maximum(begin[:, None], pixel)
    return Taps(base, np.maximum(covered, 0) / axis.step)


def mean_when_enlarged(axis: Axis) -> Taps:
    """Two taps: what INTER_AREA of OpenCV does on both axes as soon as one of them is enlarged.

    In float32 as there, so that shares that should be whole are whole.
    """
    inner = np.floor(axis.positions * axis.step)
    share = (axis.positions + 1 - (inner + 1) * (1 / axis.step)).astype(np.float32)
    share = np.where(share <= 0, 0, share - np.floor(share)).astype(np.float64)
    return Taps((inner + round(axis.start)).astype(np.int64), np.stack([1 - share, share], axis=1))


def apply_rows(rows: UInt8[np.ndarray, "m c"] | Float32[np.ndarray, "m c"], taps: Taps) -> Float32[np.ndarray, "n c"]:
    """The weighted sums of rows; beyond its ends the input continues with its first and last row."""
    count, last = len(taps.base), len(rows) - 1
    matrix = np.zeros((count, len(rows)), np.float32)
    for tap, weights in enumerate(taps.weights.round(7).T):  # noise of 1e-20 would underflow, which is slow
        matrix[np.arange(count), np.clip(taps.base + tap, 0, last)] += weights
    begin = np.clip(taps.base, 0, last)
    beyond = np.clip(taps.base + taps.weights.shape[1], 1, last + 1)
    out = np.empty((count, rows.shape[1]), np.float32)
    for i in range(0, count, _BLOCK):
        block, band = slice(i, i + _BLOCK), slice(begin[i], beyond[min(i + _BLOCK, count) - 1])
        np.matmul(matrix[block, band], rows[band].astype(np.float32, copy=False), out=out[block])
    return out


def _split(axis: Axis) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """The pixel whose centre lies at or before each output centre, and how far beyond it that is."""
    centre = axis.start + axis.step * (axis.positions + 0.5) - 0.5
    base = np.floor(centre)
    return base.astype(np.int64), centre - base
