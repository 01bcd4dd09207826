"""The assignment against all possible ones, and the classes and scores in its costs."""

import numpy as np
import pytest

from multibox.video.tracks.assignment import assign, overlap_cost
from oracles.slow_tracking import cheapest_assignment

pytest.importorskip("lap", reason="the package lap is not installed")


@pytest.mark.parametrize("seed", range(30))
def test_the_cheapest_of_all(seed: int):
    """Random costs of up to 4 x 5 pairs against the smallest sum of all assignments, left out rows included."""
    rng = np.random.default_rng(seed)
    cost = rng.random((rng.integers(1, 5), rng.integers(1, 6)))
    limit = float(rng.choice([0.3, 0.5, 0.8]))
    pairs = assign(cost, limit=limit)
    total, choice = cheapest_assignment(cost, limit)
    found = np.full(len(cost), -1)
    found[pairs.tracks] = pairs.detections
    assert found.tolist() == list(choice)
    assert sum(limit if c < 0 else cost[r, c] for r, c in enumerate(found)) == pytest.approx(total)


def test_nothing_to_assign():
    """Matrices without rows or columns against no pairs."""
    for shape in ((0, 3), (3, 0), (0, 0)):
        assert len(assign(np.zeros(shape), limit=0.5).tracks) == 0


def test_costs_by_hand():
    """IoU, score and class in the cost of two boxes."""
    boxes = np.array([[0, 0, 10, 10.0]])
    others = np.array([[0, 0, 10, 5.0], [0, 0, 10, 10]])
    cost = overlap_cost(
        boxes,
        labels=np.array([1]),
        others=others,
        other_labels=np.array([1, 2]),
        scores=np.array([0.8, 1.0]),
    )
    assert cost[0, 0] == pytest.approx(1 - 0.5 * 0.8)
    assert cost[0, 1] > 100
