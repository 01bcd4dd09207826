"""A selection of detections against the slow loop of tests/oracles."""

import numpy as np

from multibox.array_nms import ArraySelection
from multibox.nms import DetectionSettings, Selection
from oracles import slow


def assert_same_as_slow(
    found: Selection | ArraySelection, boxes: np.ndarray, scores: np.ndarray, settings: DetectionSettings
) -> None:
    """Labels, priors, scores and boxes, in order, are those of the slow loop."""
    expected = slow.detections(
        boxes.tolist(),
        scores.tolist(),
        least=float(np.float32(settings.score_threshold)),
        nms=settings.nms_threshold,
        per_class=settings.per_class,
        per_image=settings.per_image,
    )
    assert found.labels.tolist() == [label for _, label in expected]
    assert found.priors.tolist() == [prior for prior, _ in expected]
    assert found.scores.tolist() == [scores[place].item() for place in expected]
    assert np.array_equal(found.boxes, np.array([boxes[prior] for prior, _ in expected], np.float32).reshape(-1, 4))
