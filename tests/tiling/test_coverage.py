"""Coverage by priors against the definition, object by object."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from multibox.boxes import iou
from multibox.data.dataset import Dataset, Example
from multibox.matching import match
from multibox.priors import SPECS, make_prior_corners
from multibox.size import Size
from multibox.tiling.coverage import measure_coverage

SPEC = SPECS["ssd300-voc"]


def example(boxes: np.ndarray, labels: np.ndarray, crowd: np.ndarray | None = None) -> Example:
    none = np.zeros(len(boxes), dtype=np.bool_)
    flags = none if crowd is None else crowd
    return Example(Path("a.jpg"), boxes.astype(np.float32), labels.astype(np.int64), none, flags, "a", Size(250, 500))


def test_against_the_definition() -> None:
    """Best IoU, number of priors after matching and shares against a loop over objects and thresholds."""
    rng = np.random.default_rng(3)
    corners = np.sort(rng.uniform(0, 250, (3, 6, 2, 2)), axis=2).reshape(3, 6, 4) + np.array([0, 0, 5, 5])
    data = Dataset("d", ("a", "b", "c"), tuple(example(boxes, rng.integers(0, 2, 6)) for boxes in corners))
    found = measure_coverage(data, SPEC)
    priors = torch.from_numpy(make_prior_corners(SPEC))
    best, positives = [], []
    for entry in data:
        boxes = torch.from_numpy(entry.boxes / np.float32([500, 250, 500, 250]))
        index = match(priors, boxes[None], torch.ones(1, 6, dtype=torch.bool)).index
        best += [max(iou(boxes[n : n + 1], priors)[0].tolist()) for n in range(6)]
        positives += [int((index == n).sum()) for n in range(6)]
    np.testing.assert_allclose(found.per_object.best_iou, best, rtol=1e-5)
    assert found.per_object.positives.tolist() == positives
    assert found.everything.objects == 18
    assert found.everything.overlap_50 == sum(value >= 0.5 for value in best) / 18
    assert found.everything.overlap_70 == sum(value >= 0.7 for value in best) / 18
    assert found.everything.matched == sum(count > 0 for count in positives) / 18
    assert sum(share.objects for share in found.sizes.values()) == 18
    sides = [entry.boxes[n, 2:] - entry.boxes[n, :2] for entry in data for n in range(6)]
    np.testing.assert_allclose(found.per_object.shapes, np.array(sides) * [300 / 500, 300 / 250], rtol=1e-5)
    ratios = [float(width * 0.6 / (height * 1.2)) for width, height in sides]
    limits = [0, 1 / 3, 2 / 3, 3 / 2, 3, float("inf")]
    assert [share.objects for share in found.aspects.values()] == [
        sum(low <= ratio < high for ratio in ratios) for low, high in pairwise(limits)
    ]
    assert list(zip(found.per_object.images.tolist(), found.per_object.items.tolist(), strict=True)) == [
        (image, item) for image in range(3) for item in range(6)
    ]
    assert [share.objects for share in found.classes.values()] == [
        *(sum(int((entry.labels == label).sum()) for entry in data) for label in (0, 1)),
        0,
    ]


def test_a_box_on_a_prior_and_a_speck() -> None:
    """A box equal to a prior is covered at 0.7, a box of two pixels only matched; crowds do not count."""
    low = make_prior_corners(SPEC)[5000] * np.float32([500, 250, 500, 250])
    boxes = np.stack([low, np.array([7, 7, 9, 9]), np.array([0, 0, 500, 250])])
    crowd = np.array([False, False, True])
    found = measure_coverage(Dataset("d", ("a",), (example(boxes, np.zeros(3), crowd),)), SPEC)
    assert found.everything.objects == 2
    assert (found.everything.overlap_50, found.everything.overlap_70, found.everything.matched) == (0.5, 0.5, 1.0)
    assert found.per_object.positives[1] == 1
    np.testing.assert_allclose(found.per_object.sides[1], 300 * np.sqrt(4 / 125000), rtol=1e-5)


def test_most_images_and_none() -> None:
    """Of many images, `max_images` evenly spaced ones are used; an empty data set has zeros."""
    names = tuple("abcdefghij")
    many = Dataset("d", names, tuple(example(np.array([[0, 0, 50, 50]]), np.array([n])) for n in range(10)))
    found = measure_coverage(many, SPEC, max_images=4)
    assert found.images == 4
    assert found.per_object.labels.tolist() == [0, 3, 6, 9]
    empty = measure_coverage(Dataset("d", ("a",), ()), SPEC)
    assert (empty.images, empty.everything.objects, empty.everything.matched) == (0, 0, 0.0)
