"""What became of every candidate, against the selection of detections and against definitions."""

import numpy as np
import pytest
import torch

from box_strategies import random_boxes
from multibox.detection.explain.fates import Candidate, Fate, follow_candidates
from multibox.nms import DetectionSettings, select
from oracles import slow


def sample(seed: int, *, priors: int = 120, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0, 1, (priors, classes)).astype(np.float32) ** 4
    return random_boxes(rng, priors).astype(np.float32), scores


@pytest.mark.parametrize(
    "settings",
    [
        DetectionSettings(),
        DetectionSettings(score_threshold=0.2, nms_threshold=0.3, per_class=20, per_image=12),
        DetectionSettings(nms_threshold=0.7, eta=0.9),
    ],
    ids=["official", "limits", "falling threshold"],
)
@pytest.mark.parametrize("seed", range(3))
def test_kept_candidates_are_the_detections(seed: int, settings: DetectionSettings) -> None:
    """Prior, label and score of kept candidates against `select`."""
    boxes, scores = sample(seed)
    found = select(torch.from_numpy(boxes), torch.from_numpy(scores), settings=settings)
    kept = [one for one in follow_candidates(boxes, scores, settings=settings) if one.fate is Fate.KEPT]
    assert [(one.prior, one.label) for one in kept] == list(
        zip(found.priors.tolist(), found.labels.tolist(), strict=True)
    )
    assert [one.score for one in kept] == found.scores.tolist()


def test_suppressors_are_the_kept_boxes_that_overlap_too_much() -> None:
    """Every suppressed candidate against a loop over all better kept boxes of its class."""
    boxes, scores = sample(7)
    settings = DetectionSettings()
    found = follow_candidates(boxes, scores, settings=settings)
    kept = [one for one in found if one.fate in (Fate.KEPT, Fate.IMAGE_LIMIT)]

    def expected(one: Candidate) -> list[int]:
        better = [other for other in kept if other.label == one.label and other.score > one.score]
        return [
            other.prior for other in better if slow.iou(boxes[one.prior], boxes[other.prior]) > settings.nms_threshold
        ]

    suppressed = [one for one in found if one.fate is Fate.SUPPRESSED]
    assert len(suppressed) > 20
    for one in suppressed:
        assert [other.prior for other in one.suppressors] == expected(one)
        assert one.suppressors


def test_every_candidate_has_one_fate() -> None:
    """Numbers of candidates by fate against the limits: 10 of each class enter suppression, 5 boxes leave it."""
    boxes = np.array([[0.1 * n, 0.1, 0.1 * n + 0.09, 0.2] for n in range(10)] * 2, dtype=np.float32)
    scores = np.linspace(0.9, 0.1, 20, dtype=np.float32)[:, None].repeat(2, axis=1)
    found = follow_candidates(boxes, scores, settings=DetectionSettings(per_class=10, per_image=5))
    assert len(found) == 40
    assert sum(one.fate is Fate.KEPT for one in found) == 5
    assert sum(one.fate is Fate.IMAGE_LIMIT for one in found) == 15
    assert sum(one.fate is Fate.CLASS_LIMIT for one in found) == 20
