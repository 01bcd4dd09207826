"""Decoding, suppression and the limits against the official DetectionOutput layer."""

from functools import cache

import numpy as np
import pytest
import torch

from multibox.coder import Coder
from multibox.nms import DetectionSettings, Selection, select
from multibox.priors import SPECS
from oracles.official import EDITIONS, Official, official

CASES = [(edition, batch) for edition in EDITIONS for batch in range(5) if (edition, batch) != ("compact", 3)]
every_batch = pytest.mark.parametrize(("edition", "batch"), CASES)
load = cache(official)


def decoded(arrays: Official, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes (2, P, 4) and scores (2, P, 20) of an official batch, by our coder and softmax."""
    coder = Coder(SPECS["ssd300-voc"])
    kept = arrays.kept(f"b{batch}", 8732)
    coder.priors = coder.priors[kept]
    boxes = coder.decode(torch.from_numpy(arrays[f"b{batch}_loc_i8"] / np.float32(16)))
    logits = torch.from_numpy(arrays[f"b{batch}_logit_i16"] / np.float32(64))
    return boxes, logits.softmax(dim=-1)[..., 1:]


def as_rows(selection: Selection, image: int) -> np.ndarray:
    """(image, class, score, box) in the official order: by class, then descending score."""
    columns = [torch.full_like(selection.scores, image), selection.labels + 1, selection.scores]
    rows = torch.cat([torch.stack(columns, dim=1), selection.boxes], dim=1).numpy()
    return rows[np.lexsort((-rows[:, 2], rows[:, 1]))]


@every_batch
def test_detections(edition: str, batch: int) -> None:
    """The same detections in the same order: image and class equal, scores and boxes within 1e-6."""
    arrays = load("detection_output", edition=edition)
    boxes, scores = decoded(arrays, batch)
    ours = np.concatenate([as_rows(select(boxes[i], scores[i]), i) for i in range(2)])
    expected = arrays[f"b{batch}_detections"]
    expected = expected[expected[:, 1] > 0]
    assert np.array_equal(ours[:, :2], expected[:, :2])
    np.testing.assert_allclose(ours[:, 2:], expected[:, 2:], rtol=1e-6, atol=1e-6)


@every_batch
def test_counts(edition: str, batch: int) -> None:
    """As many scores above 0.01 in each class, and as many survivors without the limit per image."""
    arrays = load("detection_output", edition=edition)
    boxes, scores = decoded(arrays, batch)
    assert np.array_equal((scores > 0.01).sum(dim=1), arrays[f"b{batch}_num_above_threshold"])
    unlimited = DetectionSettings(per_image=10_000)
    ours = [len(select(boxes[i], scores[i], settings=unlimited).scores) for i in range(2)]
    assert np.array_equal(ours, arrays[f"b{batch}_num_after_nms"])
