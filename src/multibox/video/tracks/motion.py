"""The Kalman filter of ByteTrack: boxes that move at a constant velocity, for all tracks at once.

State: center x, center y, aspect ratio (width / height) and height, each with its velocity. Noise is proportional to
the height, as in DeepSORT (Wojke et al., ICIP 2017) and in ByteTrack. All matrices of that filter are diagonal in the
four quantities, so each one is a filter of a value and its velocity, and no matrix is inverted.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

STEP = 1 / 30
"""Seconds for which the noise of the motion is given: a frame of the videos that it was chosen for."""

_POSITION, _VELOCITY = 1 / 20, 1 / 160  # standard deviations in heights: of a value, and of a velocity in a step
_ASPECT, _ASPECT_VELOCITY, _ASPECT_MEASURED = 1e-2, 1e-5, 1e-1


@dataclass
class Motion:
    """Estimates for N tracks: values, velocities for a step, their variances and covariances, each (N, 4)."""

    value: Float64[np.ndarray, "n 4"]
    velocity: Float64[np.ndarray, "n 4"]
    value_variance: Float64[np.ndarray, "n 4"]
    covariance: Float64[np.ndarray, "n 4"]
    velocity_variance: Float64[np.ndarray, "n 4"]

    @classmethod
    def start(cls, boxes: Float[np.ndarray, "n 4"]) -> "Motion":
        """Estimates for boxes (x1, y1, x2, y2) that were seen once: at rest, with wide variances."""
        value = _measured(boxes)
        zero = np.zeros_like(value)
        height = value[:, 3]
        spread = _deviations(2 * _POSITION * height, _ASPECT)
        speed = _deviations(10 * _VELOCITY * height, _ASPECT_VELOCITY)
        return cls(value, zero, spread**2, zero.copy(), speed**2)

    def predict(self, steps: float) -> None:
        """Move every estimate by a time in steps of `STEP` seconds."""
        height = self.value[:, 3]
        self.value = self.value + steps * self.velocity
        self.value_variance = (
            self.value_variance
            + 2 * steps * self.covariance
            + steps**2 * self.velocity_variance
            + steps * _deviations(_POSITION * height, _ASPECT) ** 2
        )
        self.covariance = self.covariance + steps * self.velocity_variance
        self.velocity_variance = self.velocity_variance + steps * _deviations(_VELOCITY * height, _ASPECT_VELOCITY) ** 2

    def correct(self, rows: Int64[np.ndarray, " m"], boxes: Float[np.ndarray, "m 4"]) -> None:
        """Correct the estimates in these rows by measured boxes."""
        noise = _deviations(_POSITION * self.value[rows, 3], _ASPECT_MEASURED) ** 2
        total = self.value_variance[rows] + noise
        gain, velocity_gain = self.value_variance[rows] / total, self.covariance[rows] / total
        surprise = _measured(boxes) - self.value[rows]
        self.value[rows] += gain * surprise
        self.velocity[rows] += velocity_gain * surprise
        self.velocity_variance[rows] -= velocity_gain * self.covariance[rows]
        self.covariance[rows] *= 1 - gain
        self.value_variance[rows] *= 1 - gain

    def keep_height(self, rows: Int64[np.ndarray, " m"]) -> None:
        """Let the height of these estimates stay as it is, because nothing was measured."""
        self.velocity[rows, 3] = 0

    def boxes(self) -> Float64[np.ndarray, "n 4"]:
        """The estimates as boxes (x1, y1, x2, y2)."""
        center_x, center_y, aspect, height = self.value.T
        height = np.maximum(height, 1e-3)
        width = np.maximum(aspect, 1e-3) * height
        return np.stack(
            [center_x - width / 2, center_y - height / 2, center_x + width / 2, center_y + height / 2], axis=1
        )

    def take(self, rows: Int64[np.ndarray, " m"]) -> "Motion":
        """The estimates in these rows."""
        return Motion(*(values[rows] for values in vars(self).values()))

    def join(self, other: "Motion") -> "Motion":
        """These estimates, then those of `other`."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Motion(*(np.concatenate(pair) for pair in pairs))

    def scale(self, x: float, y: float) -> None:
        """Change to an image whose width and height are `x` and `y` times as large."""
        factors = np.array([x, y, x / y, y])
        self.value, self.velocity = self.value * factors, self.velocity * factors
        self.value_variance = self.value_variance * factors**2
        self.covariance = self.covariance * factors**2
        self.velocity_variance = self.velocity_variance * factors**2


def _measured(boxes: Float[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n 4"]:
    """Center, aspect ratio and height of boxes."""
    x1, y1, x2, y2 = boxes.astype(np.float64).T
    height = np.maximum(y2 - y1, 1e-3)
    return np.stack([(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / height, height], axis=1)


def _deviations(length: Float64[np.ndarray, " n"], aspect: float) -> Float64[np.ndarray, "n 4"]:
    """Standard deviations of the four quantities: lengths for the center and the height, a number for the aspect."""
    return np.stack([length, length, np.full_like(length, aspect), length], axis=1)
