"""Hypothesis strategies for boxes on a grid: their overlaps are ratios of small integers.

Sums and products are therefore exact in float32, and overlaps are equal in float32 if and only if they are equal in
double precision. The code under test must decide as an oracle in double precision does.
"""

import numpy as np
from hypothesis import strategies as st

CELLS = 8


@st.composite
def grid_boxes(draw: st.DrawFn, *, least: int = 0, most: int = 6, beyond: int = 0) -> np.ndarray:
    """(N, 4) float32 corners in eighths of the unit square, or up to `beyond` eighths outside; repeats are common."""
    side = st.tuples(st.integers(-beyond, CELLS + beyond - 1), st.integers(1, CELLS)).map(
        lambda start_length: (start_length[0], min(start_length[0] + start_length[1], CELLS + beyond))
    )
    box = st.tuples(side, side).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1]))
    count = draw(st.integers(least, most))
    pool = draw(st.lists(box, min_size=1, max_size=max(1, count)))
    rows = [draw(st.sampled_from(pool)) for _ in range(count)]
    return np.array(rows, dtype=np.float32).reshape(count, 4) / CELLS


def random_boxes(rng: np.random.Generator, count: int, *, largest: float = 0.5) -> np.ndarray:
    """(count, 4) float32 corners; some extend beyond the unit square."""
    center, size = rng.uniform(0, 1, (count, 2)), rng.uniform(0.02, largest, (count, 2))
    return np.concatenate([center - size / 2, center + size / 2], axis=1).astype(np.float32)
