"""Normalized AP by size and shape: by hand, against the AP of VOC 2010, and against loops from the definition."""

import numpy as np
import pytest

from error_cases import ALIKE, one_of_each
from evaluation_cases import noisy_scenes
from multibox.evaluation.analysis.kinds import Kind, diagnose
from multibox.evaluation.analysis.sensitivity import bins_of, normalized_ap, sensitivity
from multibox.evaluation.voc import average_precision


def slow_normalized_ap(outcomes: list[int], num_objects: int, normal: float) -> tuple[float, float]:
    """Precision at each detection from recall and false positives so far; 1 is right, -1 wrong, 0 left out."""
    precision, right, wrong = [], 0, 0
    for outcome in outcomes:
        right, wrong = right + (outcome == 1), wrong + (outcome == -1)
        weighted = right / num_objects * normal
        precision.append(weighted / (weighted + wrong) if right + wrong else 0.0)
    values = [max(precision[n:]) for n, outcome in enumerate(outcomes) if outcome == 1]
    values += [0.0] * (num_objects - len(values))
    mean = sum(values) / num_objects
    variance = sum((value - mean) ** 2 for value in values) / (num_objects - 1)
    return mean, (variance / num_objects) ** 0.5


def test_by_hand() -> None:
    """Right, wrong, right of 4 objects as if there were 8: precisions 1 and 4 / 5, two objects missed."""
    value = normalized_ap(
        np.array([True, False, True]), wrong=np.array([False, True, False]), num_objects=4, normal=8.0
    )
    assert value.ap == pytest.approx((1 + 0.8) / 4)
    assert value.error == pytest.approx(np.sqrt(((0.55**2 + 0.35**2 + 2 * 0.45**2) / 3) / 4))


def test_without_objects_or_with_one() -> None:
    """No objects against AP nan; one object against an AP without a standard error."""
    nothing, yes = np.zeros(0, bool), np.ones(1, bool)
    assert np.isnan(normalized_ap(nothing, wrong=nothing, num_objects=0, normal=3.0).ap)
    one = normalized_ap(yes, wrong=~yes, num_objects=1, normal=3.0)
    assert (one.ap, one.to_json()["standard_error"]) == (1.0, None)


@pytest.mark.parametrize("seed", range(5))
def test_with_as_many_objects_as_there_are_it_is_the_ap_of_voc10(seed: int) -> None:
    """Random outcomes, normalized to the class's own number of objects, against the area below the curve."""
    rng = np.random.default_rng(seed)
    right = rng.random(50) < 0.4
    count = int(right.sum()) + 5
    recall, precision = np.cumsum(right) / count, np.cumsum(right) / np.arange(1, 51)
    expected = average_precision(recall, precision=precision, version="voc10")
    assert normalized_ap(right, wrong=~right, num_objects=count, normal=float(count)).ap == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(10), [0, 1, 1, 2, 2, 2, 2, 3, 3, 4]),
        (range(9, -1, -1), [4, 3, 3, 2, 2, 2, 2, 1, 1, 0]),
        ([5] * 10, [0] * 10),
        ([1, 2, 3], [1, 2, 3]),  # cuts behind the 0.3rd, 0.9th, 2.1st and 2.7th, rounded: 0, 1, 2, 3
        ([7], [2]),
        ([], []),
    ],
)
def test_parts_are_10_20_40_20_and_10_per_cent(values: object, expected: list[int]) -> None:
    """Bins of small lists by hand; equal values are in one bin."""
    assert bins_of(np.array(list(values), dtype=np.float64)).tolist() == expected  # type: ignore[call-overload]


@pytest.mark.parametrize("seed", range(2))
def test_every_part_of_random_scenes(seed: int) -> None:
    """AP by area and by aspect ratio against loops over sorted objects that leave out detections of other bins."""
    dataset, detections = noisy_scenes(np.random.default_rng(seed), images=40, grid=False)
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    result = sensitivity(dataset, diagnosis=diagnosis)
    for label, name in enumerate(dataset.class_names):
        objects = [
            (i, g)
            for i, example in enumerate(dataset)
            for g in range(len(example.labels))
            if example.labels[g] == label and not example.difficult[g]
        ]
        sides = {(i, g): np.subtract(*np.split(dataset[i].boxes[g].astype(float), 2)[::-1]) for i, g in objects}
        for values, parts in (
            ({key: w * h for key, (w, h) in sides.items()}, result[name].area),
            ({key: w / h for key, (w, h) in sides.items()}, result[name].aspect),
        ):
            ordered = sorted(objects, key=values.__getitem__)
            start = 0
            for part, tenths in zip(parts, (1, 3, 7, 9, 10), strict=True):
                end = (tenths * len(ordered) + 5) // 10
                members, start = ordered[start:end], end
                outcomes = [
                    (1 if (diagnosis.image[n], diagnosis.target[n]) in members else 0)
                    if diagnosis.kind[n] == Kind.CORRECT
                    else -1
                    for n in diagnosis.ranked(label)
                ]
                assert part.num_objects == len(members)
                expected = slow_normalized_ap(outcomes, len(members), 0.15 * len(dataset))
                assert (part.ap, part.error) == pytest.approx(expected)


def test_classes_without_objects_are_left_out() -> None:
    """The sensitivity has only the classes with counted objects: cat, dog and cup."""
    dataset, detections, _ = one_of_each()
    result = sensitivity(dataset, diagnosis=diagnose(dataset, detections=detections, similar=ALIKE))
    assert [(name, value.overall.num_objects) for name, value in result.items()] == [("cat", 2), ("dog", 1), ("cup", 1)]
    assert result["dog"].overall.ap == 0
