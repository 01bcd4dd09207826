"""The Kalman filter against one with whole matrices, and its behavior in simple motions."""

import numpy as np

from multibox.video.tracks.motion import Motion
from oracles.slow_tracking import MatrixFilter


def test_any_sequence_against_whole_matrices():
    """Predictions over steps of several lengths and corrections in random order, against the matrix filter."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 200, (6, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(20, 100, (6, 2))], axis=1)
    motion, slow = Motion.start(boxes), [MatrixFilter(box) for box in boxes]
    for _ in range(30):
        steps = float(rng.choice([0.5, 1, 1, 3]))
        motion.predict(steps)
        rows = np.flatnonzero(rng.random(6) < 0.7)
        measured = boxes[rows] + rng.normal(0, 5, (len(rows), 4))
        for filter_ in slow:
            filter_.predict(steps)
        for row, box in zip(rows, measured, strict=True):
            slow[row].correct(box)
        motion.correct(rows, measured)
        np.testing.assert_allclose(motion.boxes(), [filter_.box() for filter_ in slow], rtol=1e-9)
        np.testing.assert_allclose(
            motion.value_variance, [np.diag(filter_.covariance)[:4] for filter_ in slow], rtol=1e-9
        )
        np.testing.assert_allclose(motion.velocity, [filter_.mean[4:] for filter_ in slow], atol=1e-9)


def test_a_steady_motion_is_learned():
    """A box that moves by 4 pixels a step against the prediction for the next ten steps."""
    motion = Motion.start(np.array([[0.0, 0, 40, 80]]))
    for step in range(1, 30):
        motion.predict(1)
        motion.correct(np.array([0]), np.array([[4.0 * step, 0, 40 + 4 * step, 80]]))
    motion.predict(10)
    np.testing.assert_allclose(motion.boxes(), [[4 * 39, 0, 40 + 4 * 39, 80]], atol=0.5)


def test_scaling_is_that_of_the_boxes():
    """A filter scaled to a larger image against one that saw scaled boxes."""
    small, large = (Motion.start(np.array([[10.0, 20, 50, 90]]) * factor) for factor in (1, 2))
    for motion, factor in ((small, 1), (large, 2)):
        motion.predict(1)
        motion.correct(np.array([0]), np.array([[12.0, 21, 52, 91]]) * factor)
    small.scale(2, 2)
    for values, expected in zip(vars(small).values(), vars(large).values(), strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-9)
