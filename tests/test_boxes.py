"""Arithmetic of boxes."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from box_strategies import grid_boxes, random_boxes
from multibox.boxes import area, clip, iou, to_centers, to_corners
from oracles import slow


def slow_table(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    rows = [[slow.iou(one.tolist(), other.tolist()) for other in b] for one in a]
    return np.array(rows, dtype=np.float64).reshape(len(a), len(b))


@given(grid_boxes(), grid_boxes())
def test_iou_on_a_grid(a: np.ndarray, b: np.ndarray) -> None:
    """Overlap is the correctly rounded quotient of the slow loop, because all sums are exact; empty inputs included."""
    ours = iou(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    assert np.array_equal(ours, slow_table(a, b).astype(np.float32))


def test_iou_of_random_boxes() -> None:
    """Overlap is that of the slow double loop within 1e-6, for 40 x 60 random boxes."""
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 40), random_boxes(rng, 60)
    np.testing.assert_allclose(iou(torch.from_numpy(a), torch.from_numpy(b)), slow_table(a, b), rtol=0, atol=1e-6)


def test_iou_of_batches() -> None:
    """With leading dimensions, overlap is that of each pair of box sets alone."""
    rng = np.random.default_rng(1)
    a = torch.from_numpy(random_boxes(rng, 24)).view(2, 3, 4, 4)
    b = torch.from_numpy(random_boxes(rng, 30)).view(2, 3, 5, 4)
    both = iou(a, b)
    assert both.shape == (2, 3, 4, 5)
    for i in range(2):
        for j in range(3):
            assert torch.equal(both[i, j], iou(a[i, j], b[i, j]))


def test_iou_without_area() -> None:
    """Points, lines and inverted boxes have area 0 and overlap 0 with everything, themselves included: no NaN."""
    flat = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.1, 0.3, 0.9, 0.3], [0.8, 0.8, 0.2, 0.2], [0.8, 0.1, 0.2, 0.9]])
    full = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    assert torch.equal(area(flat), torch.zeros(4))
    assert torch.equal(iou(flat, torch.cat([flat, full])), torch.zeros(4, 5))


def test_iou_leaves_its_inputs() -> None:
    """The boxes given are not changed, and the overlap has the gradient of finite differences (1e-6)."""
    rng = np.random.default_rng(2)
    a, b = (torch.from_numpy(random_boxes(rng, 3)).double() for _ in range(2))
    before = a.clone(), b.clone()
    iou(a, b)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])
    assert torch.autograd.gradcheck(iou, (a.requires_grad_(), b.requires_grad_()))


@given(grid_boxes(most=8, beyond=4))
def test_centers_and_back(boxes: np.ndarray) -> None:
    """Corners to centers is the slow form, exactly on a grid, and back again is the same box."""
    corners = torch.from_numpy(boxes)
    centers = to_centers(corners)
    expected = np.array([slow.center_form(b.tolist()) for b in boxes]).reshape(-1, 4)
    assert np.array_equal(centers, expected)
    assert torch.equal(to_corners(centers), corners)


@given(grid_boxes(most=8, beyond=4), st.integers(1, 8), st.integers(1, 8))
def test_clip(boxes: np.ndarray, width: int, height: int) -> None:
    """Each side is cut to the rectangle, compared with min and max one number at a time."""
    ours = clip(torch.from_numpy(boxes), width=width / 8, height=height / 8)
    limits = (width / 8, height / 8) * 2
    expected = [[min(max(v, 0.0), limit) for v, limit in zip(b.tolist(), limits, strict=True)] for b in boxes]
    assert np.array_equal(ours, np.array(expected).reshape(-1, 4))
