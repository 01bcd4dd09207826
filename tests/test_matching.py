"""Matching against the slow double loop."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from box_strategies import grid_boxes, random_boxes
from multibox import matching
from multibox.matching import IGNORED, UNMATCHED, Matches, match
from oracles import slow


def padded(images: list[np.ndarray], *, extra: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes of all images in one tensor, padded with rows of a wild value, and which rows are real."""
    rows = max(len(p) for p in images) + extra
    boxes, valid = torch.full((len(images), rows, 4), 0.5), torch.zeros(len(images), rows, dtype=torch.bool)
    boxes[..., 2:] = 1.0
    for i, image in enumerate(images):
        boxes[i, : len(image)], valid[i, : len(image)] = torch.from_numpy(image), True
    return boxes, valid


def assert_matches_slow_loop(
    matches: Matches, priors: np.ndarray, images: list[np.ndarray], usable: list[bool] | None = None
) -> None:
    for i, image in enumerate(images):
        index, overlap = slow.match(priors.tolist(), image.tolist(), usable=usable)
        assert matches.index[i].tolist() == index
        np.testing.assert_allclose(matches.overlap[i], overlap, rtol=0, atol=1e-6)


@given(grid_boxes(least=1, most=12, beyond=2), st.lists(grid_boxes(most=5), min_size=1, max_size=3), st.integers(0, 2))
def test_on_a_grid(priors: np.ndarray, images: list[np.ndarray], extra: int) -> None:
    """Indices equal the slow loop's with ties, repeated boxes, no objects, padding, more objects than priors."""
    boxes, valid = padded(images, extra=extra)
    matches = match(torch.from_numpy(priors), boxes, valid)
    assert_matches_slow_loop(matches, priors, images)


@given(
    grid_boxes(least=2, most=12, beyond=4),
    grid_boxes(least=1, most=4),
    st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_priors_that_take_no_part(priors: np.ndarray, objects: np.ndarray, marks: list[bool]) -> None:
    """Priors that are not usable get -2, overlap 0 and no object; the rest is as if they were not there."""
    usable = [True, *marks[1 : len(priors)]]
    take_part = torch.tensor(usable)
    boxes, valid = padded([objects])
    matches = match(torch.from_numpy(priors), boxes, valid, usable=take_part)
    assert_matches_slow_loop(matches, priors, [objects], usable)
    alone = match(torch.from_numpy(priors[usable]), boxes, valid)
    assert torch.equal(matches.index[0, take_part], alone.index[0])
    assert (matches.index[0, ~take_part] == IGNORED).all()


def test_random_images() -> None:
    """Indices equal the slow loop's for 400 random priors and images of 0 to 30 objects, in one batch."""
    rng = np.random.default_rng(0)
    priors = random_boxes(rng, 400)
    images = [random_boxes(rng, count, largest=0.8) for count in (7, 0, 30, 1)]
    boxes, valid = padded(images)
    matches = match(torch.from_numpy(priors), boxes, valid)
    assert_matches_slow_loop(matches, priors, images)
    assert not matches.positive[1].any()


def test_no_objects_at_all() -> None:
    """A batch without a single row of objects matches nothing."""
    priors = torch.from_numpy(random_boxes(np.random.default_rng(1), 9))
    matches = match(priors, torch.zeros(2, 0, 4), torch.zeros(2, 0, dtype=torch.bool))
    assert (matches.index == UNMATCHED).all()
    assert not matches.overlap.any()


def test_real_rows_anywhere() -> None:
    """Real rows may be between padding rows: indices are those of the given rows."""
    rng = np.random.default_rng(3)
    priors, objects = random_boxes(rng, 50), random_boxes(rng, 6)
    valid = torch.tensor([[False, True, False, True, True, False]])
    index = match(torch.from_numpy(priors), torch.from_numpy(objects)[None], valid).index[0]
    expected, _ = slow.match(priors.tolist(), objects[valid[0].numpy()].tolist())
    assert index.tolist() == [(1, 3, 4)[i] if i >= 0 else i for i in expected]


def test_objects_equal_to_priors() -> None:
    """Objects that are priors take exactly them, whatever their order, with overlap 1."""
    priors = torch.from_numpy(random_boxes(np.random.default_rng(2), 30))
    order = torch.tensor([11, 3, 29, 0])
    matches = match(priors, priors[order].unsqueeze(0), torch.ones(1, 4, dtype=torch.bool))
    assert matches.index[0, order].tolist() == [0, 1, 2, 3]
    assert (matches.overlap[0, order] == 1).all()


def test_every_object_gets_a_prior() -> None:
    """Ten copies of one object take the ten priors that overlap it best, one each, the first copy the best of them."""
    priors = torch.tensor([[0.0, 0.0, 1.0, 0.3 + 0.01 * i] for i in range(12)])
    boxes = torch.tensor([[0.0, 0.0, 1.0, 0.1]]).expand(1, 10, 4)
    index = match(priors, boxes, torch.ones(1, 10, dtype=torch.bool)).index[0]
    assert index.tolist() == [*range(10), UNMATCHED, UNMATCHED]


def test_threshold_is_inclusive() -> None:
    """A free prior with an overlap of exactly the threshold is matched; just below it is not."""
    half, less = [0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 1.0, 0.4999]
    priors = torch.tensor([[0.0, 0.0, 1.0, 1.0], half, less])
    index = match(priors, torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), torch.tensor([[True]])).index
    assert index.tolist() == [[0, 0, UNMATCHED]]
    loose = match(priors, torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), torch.tensor([[True]]), threshold=0.4)
    assert loose.index.tolist() == [[0, 0, 0]]


def test_tiny_overlaps() -> None:
    """An overlap of at most 1e-6 counts as 0 and is no match; a larger one is."""
    priors = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    for side, index in ((0.9e-3, UNMATCHED), (1.1e-3, 0)):
        matches = match(priors, torch.tensor([[[0.0, 0.0, side, side]]]), torch.tensor([[True]]))
        assert matches.index.tolist() == [[index]]
        assert (matches.overlap == 0).item() == (index == UNMATCHED)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_crowds(seed: int, waits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crowds of similar and equal objects against the slow loop, with lists so short that many objects need others."""
    monkeypatch.setattr(matching, "_FIRST_LIST", (16, 2, 1, 3)[seed])
    monkeypatch.setattr(matching, "_LONGEST_LIST", (1024, 3, 1, 8)[seed])
    monkeypatch.setattr(matching, "_WINDOW", (4, 2, 3, 1)[seed])
    monkeypatch.setattr(matching, "_PAIRS_AT_ONCE", (1 << 18, 100, 1, 1000)[seed])
    if not waits:
        monkeypatch.setattr(matching, "_host_may_wait", lambda device, objects: False)
    rng = np.random.default_rng(seed)
    priors = random_boxes(rng, 60)
    crowd = np.array([0.2, 0.3, 0.7, 0.8], np.float32) + rng.normal(0, 0.02, (70, 4)).astype(np.float32)
    images = [crowd[:40], np.repeat(crowd[:6], 5, axis=0), crowd, random_boxes(rng, 9)]
    boxes, valid = padded(images, extra=2)
    assert_matches_slow_loop(match(torch.from_numpy(priors), boxes, valid), priors, images)


def test_a_crowd_that_prefers_the_same_priors() -> None:
    """600 objects that hardly differ take 600 different priors: a few long lists instead of one round an object."""
    rng = np.random.default_rng(0)
    priors = np.array([0.1, 0.1, 0.9, 0.9]) + rng.normal(0, 0.02, (900, 4))
    boxes = np.array([0.1, 0.1, 0.9, 0.9]) + rng.normal(0, 1e-4, (1, 600, 4))
    valid = torch.ones(1, 600, dtype=torch.bool)
    matches = match(torch.from_numpy(priors).float(), torch.from_numpy(boxes).float(), valid, threshold=1.1)
    taken = matches.index[matches.index >= 0]
    assert sorted(taken.tolist()) == list(range(600))
