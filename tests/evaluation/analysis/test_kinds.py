"""Kinds of detections: each once by hand, against loops from the definition, and against the AP's own counts."""

import numpy as np
import pytest

from error_cases import ALIKE, one_of_each
from evaluation_cases import a_dataset, noisy_scenes
from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.evaluation.analysis.kinds import Diagnosis, Kind, diagnose, missed_objects
from multibox.evaluation.voc import evaluate_voc
from oracles.slow import iou


def slow_kinds(dataset: Dataset, detections: list[Detections]) -> list[str]:
    """The definition, one detection at a time: by class in order of the score, each taking its object."""
    kinds = []
    for example, found in zip(dataset, detections, strict=True):
        taken: set[int] = set()
        for box, label in zip(found.boxes.astype(float), found.labels, strict=True):
            overlap = [iou(box, other) for other in example.boxes.astype(float)]
            own = [g for g in range(len(overlap)) if example.labels[g] == label]
            best = max(own, key=lambda g: overlap[g], default=None)
            if best is not None and overlap[best] >= 0.5:
                if example.difficult[best] or example.crowd[best]:
                    kinds.append("ignored")
                elif best in taken:
                    kinds.append("duplicate")
                else:
                    kinds.append("correct")
                    taken.add(best)
            elif best is not None and overlap[best] >= 0.1:
                kinds.append("localization")
            elif any(ALIKE[label, example.labels[g]] and overlap[g] >= 0.1 for g in range(len(overlap))):
                kinds.append("similar")
            elif any(example.labels[g] != label and overlap[g] >= 0.1 for g in range(len(overlap))):
                kinds.append("other")
            else:
                kinds.append("background")
    return kinds


def titles(diagnosis: Diagnosis) -> list[str]:
    return [Kind(kind).title for kind in diagnosis.kind]


def scenes(seed: int) -> tuple[Dataset, list[Detections]]:
    return noisy_scenes(np.random.default_rng(seed), images=30, grid=False)


def test_each_kind_once() -> None:
    """An image in which every kind occurs once against the intended kinds, objects and IoUs."""
    dataset, detections, kinds = one_of_each()
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    assert titles(diagnosis) == kinds
    assert diagnosis.target.tolist() == [0, 0, 0, 1, 2, -1, 3]
    np.testing.assert_allclose(diagnosis.iou, [1, 0.8, 0.4, 1, 0.6, 0, 1])
    assert diagnosis.loose.tolist() == [True, False, False, False, False, False, False]
    assert diagnosis.loose_duplicate.tolist() == [False, True, True, False, False, False, False]
    assert diagnosis.num_objects == (2, 1, 1)


@pytest.mark.parametrize("seed", range(4))
def test_kinds_are_those_of_the_definition(seed: int) -> None:
    """Crowded random scenes with difficult objects and equal scores against loops over single detections."""
    dataset, detections = scenes(seed)
    assert titles(diagnose(dataset, detections=detections, similar=ALIKE)) == slow_kinds(dataset, detections)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_right_is_what_the_ap_counts(seed: int) -> None:
    """Correct detections in order of rank against the precision-recall curve of the same detections."""
    dataset, detections = scenes(seed)
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    for label, curve in enumerate(evaluate_voc(dataset, detections=detections).curves):
        right = np.cumsum(diagnosis.kind[diagnosis.ranked(label)] == Kind.CORRECT)
        np.testing.assert_allclose(right / curve.num_objects, curve.recall)
        np.testing.assert_allclose(right / np.arange(1, len(right) + 1), curve.precision)
    loose = evaluate_voc(dataset, detections=detections, iou_threshold=0.1)
    assert diagnosis.loose.sum() == sum(round(c.recall[-1] * c.num_objects) for c in loose.curves)


def test_missed_objects_are_those_without_a_correct_detection() -> None:
    """Missed objects of the scene by hand: the dog, the cup and the cat of image b, but not the difficult cat."""
    dataset, detections, _ = one_of_each()
    missed = missed_objects(dataset, diagnosis=diagnose(dataset, detections=detections, similar=ALIKE))
    assert [objects.tolist() for objects in missed] == [[False, True, True, False], [True]]


def test_leading_detections_are_as_many_as_objects() -> None:
    """Two cats count, so the two best cats lead; a class without detections contributes none."""
    dataset, detections, _ = one_of_each()
    assert diagnose(dataset, detections=detections, similar=ALIKE).leading().tolist() == [0, 1]


def test_nothing_to_diagnose() -> None:
    """A data set without images against empty arrays."""
    diagnosis = diagnose(a_dataset(), detections=[], similar=np.zeros((1, 1), bool))
    assert (len(diagnosis.kind), len(diagnosis.leading()), diagnosis.num_objects) == (0, 0, (0,))
