"""The largest values of rows, against a stable sort."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from multibox.selection import indices_of, largest_of_rows

numbers = st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0, np.inf]), min_size=7, max_size=7)


@given(st.lists(st.tuples(numbers, st.integers(-1, 9)), min_size=1, max_size=3))
def test_the_first_of_a_stable_sort(rows: list[tuple[list[float], int]]) -> None:
    """Rows with many equal values and any count."""
    values, counts = torch.tensor([row for row, _ in rows]), torch.tensor([count for _, count in rows])
    order = values.argsort(dim=1, descending=True, stable=True)
    expected = torch.zeros_like(values, dtype=torch.bool)
    for number, count in enumerate(counts.tolist()):
        expected[number, order[number, : max(count, 0)]] = True
    assert torch.equal(largest_of_rows(values, counts), expected)


@given(st.lists(st.booleans(), max_size=9))
def test_indices(values: list[bool]) -> None:
    """The places of True, counted one by one."""
    mask = torch.tensor(values, dtype=torch.bool)
    assert indices_of(mask).tolist() == [i for i, value in enumerate(values) if value]
