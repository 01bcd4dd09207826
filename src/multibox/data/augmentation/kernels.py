"""Resampling along one axis as weights on neighboring pixels, and their application as narrow matrix products.

The kernels are those of the resize function of OpenCV: four taps (cubic, a = -3/4), eight taps (Lanczos), or the mean
over the stretch that an output pixel covers. Weights are not rounded to 1/2048 as in its 8-bit code.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

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
    """sinc(d) sinc(d / 4) at eight pixels, divided by its sum.

    sin(pi d) is the same for all of them but for its sign and cancels; sin(pi d / 4) follows from that of the first.
    """
    base, x = _split(axis)
    x = np.maximum(x, 1e-6)[:, None]
    pixel = np.arange(-3, 5)
    quarter = np.sin(np.pi / 4 * x) * np.cos(np.pi / 4 * pixel) - np.cos(np.pi / 4 * x) * np.sin(np.pi / 4 * pixel)
    weights = np.where(pixel % 2, -quarter, quarter) / (x - pixel) ** 2
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


def apply_rows(rows: Float32[np.ndarray, "m c"], taps: Taps) -> Float32[np.ndarray, "n c"]:
    """The weighted sums of rows; beyond its ends the input continues with its first and last row."""
    starts, matrices = _blocks(taps)
    last, width = len(rows) - 1, matrices.shape[2]
    out = np.empty((len(starts) * _BLOCK, rows.shape[1]), np.float32)
    for number, start in enumerate(starts.tolist()):
        inside = start >= 0 and start + width <= last + 1
        band = rows[start : start + width] if inside else rows[np.arange(start, start + width).clip(0, last)]
        np.matmul(matrices[number], band, out=out[number * _BLOCK : (number + 1) * _BLOCK])
    return out[: len(taps.base)]


def _blocks(taps: Taps) -> tuple[Int64[np.ndarray, " k"], Float32[np.ndarray, "k b w"]]:
    """For each block of output rows the first input row that it needs, and the weights of the rows from there on."""
    count, reach = taps.weights.shape
    starts = taps.base[::_BLOCK]
    row = np.arange(count)
    offset = taps.base - starts[row // _BLOCK]
    width = int(offset.max()) + reach
    matrices = np.zeros((len(starts) * _BLOCK, width), np.float32)
    weights = taps.weights.round(7)  # noise of 1e-20 would underflow in the products, which is slow
    matrices.reshape(-1)[(row * width + offset)[:, None] + np.arange(reach)] = weights
    return starts, matrices.reshape(len(starts), _BLOCK, width)


def _split(axis: Axis) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """The pixel whose center lies at or before each output center, and how far beyond it that is."""
    center = axis.start + axis.step * (axis.positions + 0.5) - 0.5
    base = np.floor(center)
    return base.astype(np.int64), center - base
