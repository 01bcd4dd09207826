"""Selection of a whole batch in fixed shapes against selection image by image."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from box_strategies import grid_boxes, random_boxes
from multibox.batched_nms import BatchSelection, select_batch
from multibox.nms import DetectionSettings, select


def assert_same_as_select(
    found: BatchSelection, boxes: torch.Tensor, scores: torch.Tensor, settings: DetectionSettings
):
    for image, count in enumerate(found.counts.tolist()):
        expected = select(boxes[image], scores[image], settings=settings)
        assert count == len(expected.scores)
        assert torch.equal(found.boxes[image, :count], expected.boxes)
        assert torch.equal(found.scores[image, :count], expected.scores)
        assert torch.equal(found.labels[image, :count], expected.labels)
        assert torch.equal(boxes[image][found.priors[image, :count]], expected.boxes)
        assert not found.scores[image, count:].any()


limits = st.tuples(
    st.sampled_from([0.01, 0.25, 0.5]), st.sampled_from([0.0, 0.25, 0.45, 1.0]), st.integers(1, 9), st.integers(1, 12)
)


@given(st.data(), grid_boxes(most=16, beyond=1), st.integers(1, 3), limits)
def test_ties_and_limits(
    data: st.DataObject, boxes: np.ndarray, classes: int, limits: tuple[float, float, int, int]
) -> None:
    """Two images with equal scores, repeated boxes, tight limits and no boxes: what `select` returns for each."""
    levels = st.sampled_from([0.0, 0.01, 0.25, 0.5, 0.75, 1.0])
    count = 2 * len(boxes) * classes
    values = data.draw(st.lists(levels, min_size=count, max_size=count))
    scores = torch.tensor(values, dtype=torch.float32).reshape(2, len(boxes), classes)
    both = torch.from_numpy(boxes).expand(2, -1, -1)
    settings = DetectionSettings(*limits)
    found = select_batch(both, scores, settings=settings)
    assert found.complete.all()
    assert_same_as_select(found, both, scores, settings)


@pytest.mark.parametrize("settings", [DetectionSettings(), DetectionSettings(per_class=20, per_image=50)])
def test_random_images(settings: DetectionSettings) -> None:
    """Five images of 300 random boxes and 5 classes, in groups of one and of all: what `select` returns for each."""
    rng = np.random.default_rng(0)
    boxes = torch.from_numpy(np.stack([random_boxes(rng, 300) for _ in range(5)]))
    scores = torch.from_numpy(rng.uniform(0, 1, (5, 300, 5)).astype(np.float32) ** 8)
    found = select_batch(boxes, scores, settings=settings)
    assert found.complete.all()
    assert_same_as_select(found, boxes, scores, settings)


def test_groups_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images compared one by one against all at the same time."""
    rng = np.random.default_rng(1)
    boxes = torch.from_numpy(np.stack([random_boxes(rng, 50) for _ in range(3)]))
    scores = torch.from_numpy(rng.uniform(0, 1, (3, 50, 2)).astype(np.float32))
    whole = select_batch(boxes, scores)
    monkeypatch.setattr("multibox.batched_nms._MOST_PAIRS", 1)
    for one, other in zip(whole, select_batch(boxes, scores), strict=True):
        assert torch.equal(one, other)


def test_incomplete_images_are_marked() -> None:
    """Too few candidates and too few rounds, each for one image of two, against the flags."""
    chain = torch.tensor([[0.0, 0.0, 1.0, 1.0]]) + 0.2 * torch.arange(8.0)[:, None] * torch.tensor([1.0, 0.0, 1.0, 0.0])
    apart = chain + 2 * torch.arange(8.0)[:, None]
    boxes = torch.stack([chain, apart])
    scores = torch.linspace(0.9, 0.1, 8)[:, None].expand(2, 8, 1)
    assert select_batch(boxes, scores).complete.tolist() == [True, True]
    assert select_batch(boxes, scores, rounds=3).complete.tolist() == [False, True]
    assert select_batch(boxes, scores, candidates=4).complete.tolist() == [False, False]
    few = DetectionSettings(per_image=4)
    assert select_batch(boxes, scores, settings=few, candidates=4).complete.tolist() == [False, True]


def test_equal_scores_at_the_limit_are_marked() -> None:
    """Eight boxes apart, of which the 4th and 5th have the same score, with 4 candidates and 4 places."""
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]]) + 2 * torch.arange(8.0)[:, None]
    scores = torch.tensor([0.9, 0.8, 0.7, 0.5, 0.5, 0.3, 0.2, 0.1])[:, None]
    few = DetectionSettings(per_image=4)
    assert not select_batch(boxes[None], scores[None], settings=few, candidates=4).complete.item()
    assert select_batch(boxes[None], scores[None], settings=few, candidates=5).complete.item()


def test_falling_threshold_is_left_to_the_other_selection() -> None:
    """With eta below 1 no image is complete."""
    boxes = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 3.0, 3.0]]])
    found = select_batch(boxes, torch.tensor([[[0.9], [0.8]]]), settings=DetectionSettings(eta=0.9))
    assert found.complete.tolist() == [False]
