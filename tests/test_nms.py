"""Suppression in one global order against class by class, one box at a time."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from box_strategies import random_boxes
from multibox.nms import DetectionSettings, Selection, greedy_nms, rank_in_class, select
from oracles import slow
from selection_cases import assert_same_as_slow


def assert_same(boxes: np.ndarray, scores: np.ndarray, settings: DetectionSettings) -> Selection:
    found = select(torch.from_numpy(boxes), torch.from_numpy(scores), settings=settings)
    assert_same_as_slow(found, boxes, scores, settings)
    return found


def test_growing_prefix() -> None:
    """If the best 2048 candidates leave too few, more are used: the slow loop's result for 3000 boxes.

    The best candidates are copies of few boxes; the others are spread out and have lower scores.
    """
    rng = np.random.default_rng(5)
    heaps, spread = random_boxes(rng, 7), random_boxes(rng, 600, largest=0.1)
    boxes = np.concatenate([heaps[rng.integers(0, 7, 2400)], spread])
    scores = np.concatenate([rng.uniform(0.5, 1, 2400), rng.uniform(0.1, 0.4, 600)]).astype(np.float32)[:, None]
    selection = assert_same(boxes, scores, DetectionSettings(per_class=3000, per_image=100))
    assert len(selection.scores) == 100
    assert (selection.scores < 0.45).any()


def test_equal_scores_at_the_first_look() -> None:
    """3000 equal scores, more than the first look takes: still the lowest priors first."""
    boxes = random_boxes(np.random.default_rng(6), 3000, largest=0.05)
    scores = np.full((3000, 1), 0.5, dtype=np.float32)
    assert_same(boxes, scores, DetectionSettings(per_class=300, per_image=250))


def test_nothing_passes() -> None:
    """No score above the threshold, a score equal to it, no boxes or no classes: an empty selection, no error."""
    for rows, classes in ((5, 3), (0, 3), (5, 0)):
        found = select(torch.rand(rows, 4), torch.full((rows, classes), 0.01))
        assert found.boxes.shape == (0, 4)
        assert len(found.scores) == len(found.labels) == 0


def test_scores_that_are_not_numbers() -> None:
    """NaN scores are no detections; the others are found as without them."""
    boxes = torch.from_numpy(random_boxes(np.random.default_rng(7), 20, largest=0.05))
    scores = torch.linspace(0.1, 0.9, 20)[:, None]
    scores[::2] = float("nan")
    found = select(boxes, scores)
    assert found.scores.tolist() == scores[1::2, 0].flip(0).tolist()


def test_threshold_is_inclusive_for_keeping() -> None:
    """A box that overlaps by exactly the threshold stays; one that overlaps by more goes."""
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 1.0, 0.625]])
    labels = torch.zeros(3, dtype=torch.int64)
    assert greedy_nms(boxes, labels, threshold=0.5, limit=9).tolist() == [0, 1]


def test_long_chains() -> None:
    """A chain of boxes, each of which would suppress the next, keeps every second one, across blocks of any size."""
    left = torch.arange(700).double() * 0.3
    boxes = torch.stack([left, torch.zeros(700), left + 1, torch.ones(700)], dim=1).double()
    kept = greedy_nms(boxes, torch.zeros(700, dtype=torch.int64), threshold=0.5, limit=1000)
    assert kept.tolist() == list(range(0, 700, 2))


@given(st.lists(st.integers(0, 4), max_size=30))
def test_rank_in_class(labels: list[int]) -> None:
    """The rank of an entry is how many earlier ones have its label, counted one by one."""
    expected = [labels[:i].count(label) for i, label in enumerate(labels)]
    assert rank_in_class(torch.tensor(labels, dtype=torch.int64)).tolist() == expected


def test_falling_threshold() -> None:
    """With eta below 1: the slow loop's boxes of two classes, which differ from those of a constant threshold."""
    rng = np.random.default_rng(8)
    boxes, scores = random_boxes(rng, 400), rng.uniform(0.1, 1, (400, 2)).astype(np.float32)
    settings = DetectionSettings(nms_threshold=0.8, eta=0.9, per_class=200, per_image=1000)
    found = select(torch.from_numpy(boxes), torch.from_numpy(scores), settings=settings)
    for label in (0, 1):
        best = np.argsort(-scores[:, label], kind="stable")[:200]
        kept = slow.adaptive_nms(boxes[best].tolist(), 0.8, 0.9)
        assert found.priors[found.labels == label].tolist() == best[kept].tolist()
    constant = select(torch.from_numpy(boxes), torch.from_numpy(scores), settings=replace(settings, eta=1.0))
    assert len(constant.scores) > len(found.scores)
