"""Tests of the pairwise IoU of arrays: against the slow oracle, the pixel-counting formula, and the tensor version."""

import numpy as np
import pytest
import torch

from multibox import boxes as tensor_boxes
from multibox.pairwise import pairwise_iou
from oracles import slow


def random_boxes(generator: np.random.Generator, count: int) -> np.ndarray:
    corners = generator.uniform(0, 40, (count, 2))
    return np.concatenate([corners, corners + generator.uniform(1, 40, (count, 2))], axis=1)


def test_random_boxes() -> None:
    """Every pair of random boxes against the slow oracle, and against the function on tensors."""
    generator = np.random.default_rng(1)
    boxes, others = random_boxes(generator, 12), random_boxes(generator, 9)
    found = pairwise_iou(boxes, others=others)
    expected = [[slow.iou(box, other) for other in others] for box in boxes]
    assert found == pytest.approx(np.array(expected), abs=1e-12)
    on_tensors = tensor_boxes.iou(torch.from_numpy(boxes), torch.from_numpy(others))
    assert found == pytest.approx(on_tensors.numpy(), abs=1e-12)


def test_inclusive_pixels_become_the_same_iou() -> None:
    """IoU of continuous boxes against the +1 formula on the pixel-counting boxes that they were read from."""
    generator = np.random.default_rng(0)
    corners = generator.integers(1, 40, (2, 20, 2))
    counting = np.concatenate([corners, corners + generator.integers(0, 40, (2, 20, 2))], axis=2).astype(float)
    continuous = counting - np.array([1, 1, 0, 0])
    iou = pairwise_iou(continuous[0], others=continuous[1])
    for row, a in enumerate(counting[0]):
        for column, b in enumerate(counting[1]):
            sides = [min(a[k + 2], b[k + 2]) - max(a[k], b[k]) + 1 for k in (0, 1)]
            both = max(sides[0], 0) * max(sides[1], 0)
            areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
            assert iou[row, column] == pytest.approx(both / (sum(areas) - both))


def test_boxes_without_area_overlap_nothing() -> None:
    """IoU with points and lines against 0, without a warning about division."""
    points = np.array([(5, 5, 5, 5), (0, 5, 10, 5)], np.float32)
    assert pairwise_iou(points, others=points).tolist() == [[0, 0], [0, 0]]
