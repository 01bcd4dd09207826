"""All selections, image by image, of a whole batch and of arrays, against one slow loop."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from box_strategies import grid_boxes, random_boxes
from multibox.array_nms import ArraySelection, select_arrays
from multibox.batched_nms import select_batch
from multibox.nms import DetectionSettings, Selection, select
from selection_cases import assert_same_as_slow

Select = Callable[[torch.Tensor, torch.Tensor, DetectionSettings], Selection | ArraySelection]


def one_image(boxes: torch.Tensor, scores: torch.Tensor, settings: DetectionSettings) -> Selection:
    return select(boxes, scores, settings=settings)


def second_of_a_batch(boxes: torch.Tensor, scores: torch.Tensor, settings: DetectionSettings) -> Selection:
    """The selection of an image beside another one, the same image upside down in the order of priors."""
    found = select_batch(torch.stack([boxes.flip(0), boxes]), torch.stack([scores.flip(0), scores]), settings=settings)
    assert found.complete[1]
    return Selection(*(part[1, : found.counts[1]] for part in found[:4]))


def arrays(boxes: torch.Tensor, scores: torch.Tensor, settings: DetectionSettings) -> ArraySelection:
    return select_arrays(boxes.numpy(), scores.numpy(), settings=settings)


each = pytest.mark.parametrize("selected", [one_image, second_of_a_batch, arrays])
limits = st.tuples(
    st.sampled_from([0.01, 0.25, 0.5]), st.sampled_from([0.0, 0.25, 0.45, 1.0]), st.integers(1, 9), st.integers(1, 12)
)


def assert_selects(selected: Select, boxes: np.ndarray, scores: np.ndarray, settings: DetectionSettings) -> None:
    found = selected(torch.from_numpy(boxes), torch.from_numpy(scores), settings)
    assert_same_as_slow(found, boxes, scores, settings)


@each
@given(data=st.data(), boxes=grid_boxes(most=16, beyond=1), classes=st.integers(1, 3), settings=limits)
def test_ties_and_limits(
    selected: Select, data: st.DataObject, boxes: np.ndarray, classes: int, settings: tuple[float, float, int, int]
) -> None:
    """Equal scores, repeated boxes, tight limits and no boxes: the slow loop's detections."""
    levels = st.sampled_from([0.0, 0.01, 0.25, 0.5, 0.75, 1.0])
    count = len(boxes) * classes
    values = data.draw(st.lists(levels, min_size=count, max_size=count))
    scores = np.array(values, dtype=np.float32).reshape(len(boxes), classes)
    assert_selects(selected, boxes, scores, DetectionSettings(*settings))


@each
@pytest.mark.parametrize("seed", range(3))
def test_random_image(selected: Select, seed: int) -> None:
    """300 random boxes of 5 classes, at the official settings and at tight ones: the slow loop's detections."""
    rng = np.random.default_rng(seed)
    boxes, scores = random_boxes(rng, 300), rng.uniform(0, 1, (300, 5)).astype(np.float32) ** 8
    assert_selects(selected, boxes, scores, DetectionSettings())
    assert_selects(selected, boxes, scores, DetectionSettings(per_class=20, per_image=50, nms_threshold=0.2))
