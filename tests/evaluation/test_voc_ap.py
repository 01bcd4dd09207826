"""Tests of VOC average precision by hand, by a slow loop written from the devkit's text, and by properties."""

from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import parse

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation_cases import a_dataset, an_example, noisy_scenes, some_detections
from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.evaluation.voc import (
    FALSE_POSITIVE,
    IGNORED,
    TRUE_POSITIVE,
    average_precision,
    evaluate_voc,
    match_detections,
    precision_recall,
)
from oracles.slow import iou
from shared_data import shared

CAT = (10, 10, 50, 50)
FAR = (100, 100, 140, 140)
SIDES = ("xmin", "ymin", "xmax", "ymax")


def slow_marks(dataset: Dataset, detections: list[Detections], label: int) -> tuple[list[bool], int]:
    """The devkit's loop: compare each detection of the class, highest score first over all images, with the objects."""
    rows = [
        (-float(score), image, position)
        for image, found in enumerate(detections)
        for position, score in enumerate(found.scores)
        if found.labels[position] == label
    ]
    taken: set[tuple[int, int]] = set()
    marks = []
    for _, image, position in sorted(rows):
        example, best, best_object = dataset[image], -1.0, -1
        for number, box in enumerate(example.boxes.astype(float)):
            overlap = iou(detections[image].boxes[position].astype(float), box)
            if example.labels[number] == label and overlap > best:
                best, best_object = overlap, number
        if best < 0.5:
            marks.append(False)
        elif not example.difficult[best_object]:
            marks.append((image, best_object) not in taken)
            taken.add((image, best_object))
    return marks, sum(int(np.sum((e.labels == label) & ~e.difficult)) for e in dataset)


def slow_ap(marks: list[bool], objects: int, version: str) -> float:
    """AP in exact fractions from a list of right and wrong detections."""
    points = [(Fraction(sum(marks[:n]), objects), Fraction(sum(marks[:n]), n)) for n in range(1, len(marks) + 1)]
    if version == "voc07":
        best = [max([p for r, p in points if r >= Fraction(j, 10)], default=Fraction(0)) for j in range(11)]
        return float(sum(best) / 11)
    total, before = Fraction(0), Fraction(0)
    for position, (recall, precision) in enumerate(points):
        height = max(p for _, p in points[position:]) if version == "voc10" else precision
        total += (recall - before) * height
        before = recall
    return float(total)


@pytest.mark.parametrize("version", ["voc07", "voc10", "integral"])
@pytest.mark.parametrize("seed", range(4))
def test_ap_of_noisy_scenes(seed: int, version: str) -> None:
    """AP with duplicates, difficult objects and equal scores against a slow loop in exact fractions."""
    dataset, detections = noisy_scenes(np.random.default_rng(seed), images=15, grid=False)
    ap = evaluate_voc(dataset, detections=detections).ap(version)
    for label in range(3):
        marks, objects = slow_marks(dataset, detections, label)
        assert ap[label] == pytest.approx(slow_ap(marks, objects, version), abs=1e-12)


def real_photographs(folder: Path) -> tuple[Dataset, list[Detections]]:
    """Read 100 VOC2012 photographs with difficult flags without the package's reader, and a detector's output."""
    files = sorted((folder / "VOC2012" / "Annotations").glob("*.xml"))
    objects = {file.stem: parse(file).findall("object") for file in files}
    names = tuple(sorted({node.findtext("name") or "" for nodes in objects.values() for node in nodes}))
    examples, detections = [], []
    for stem, nodes in objects.items():
        boxes = [[float(node.findtext(f"bndbox/{side}") or 0) for side in SIDES] for node in nodes]
        labels = [names.index(node.findtext("name") or "") for node in nodes]
        difficult = [node.findtext("difficult") == "1" for node in nodes]
        examples.append(an_example(stem, boxes=boxes, labels=labels, difficult=difficult))
        file = folder / "detections" / f"{stem}.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        rows = np.array([line.split() for line in lines], dtype=float).reshape(-1, 6)
        detections.append(some_detections(rows[:, 2:], scores=rows[:, 1], labels=rows[:, 0], class_names=names))
    return Dataset("photographs", names, tuple(examples)), detections


@pytest.mark.parametrize("version", ["voc07", "voc10", "integral"])
def test_ap_of_real_photographs(version: str) -> None:
    """AP of a detector's output on 100 VOC2012 photographs against the slow loop in exact fractions."""
    dataset, detections = real_photographs(shared("data/voc_100"))
    assert (len(dataset), len(dataset.class_names)) == (100, 20)
    result = evaluate_voc(dataset, detections=detections)
    assert 0.05 < result.mean(version) < 0.9
    for label, ours in enumerate(result.ap(version)):
        marks, objects = slow_marks(dataset, detections, label)
        assert ours == pytest.approx(slow_ap(marks, objects, version), abs=1e-12)


@given(marks=st.lists(st.booleans(), max_size=40), missed=st.integers(0, 12))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_ap_of_any_order_of_right_and_wrong(marks: list[bool], missed: int) -> None:
    """The three APs of single curves against exact fractions, recalls of exactly n/10 included."""
    objects = sum(marks) + missed
    if objects == 0:
        return
    scores = np.linspace(1, 0.1, len(marks))
    curve = precision_recall(scores, outcomes=np.array(marks, dtype=np.int8), num_objects=objects)
    values = {version: curve.ap(version) for version in ("voc07", "voc10", "integral")}
    for version, value in values.items():
        assert value == pytest.approx(slow_ap(marks, objects, version), abs=1e-12)
    assert values["integral"] <= values["voc10"] + 1e-12


def test_duplicates_and_misses_by_hand() -> None:
    """Right, duplicate, right, wrong on 2 objects against the AP computed by hand: 5/6 and (6 + 5 * 2/3) / 11."""
    dataset = a_dataset(an_example("a", boxes=[CAT, FAR]))
    boxes = [CAT, (11, 10, 50, 50), FAR, (300, 300, 340, 340)]
    result = evaluate_voc(dataset, detections=[some_detections(boxes, scores=[0.9, 0.8, 0.7, 0.6])])
    curve = result.curves[0]
    assert curve.recall.tolist() == [0.5, 0.5, 1, 1]
    assert curve.precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert curve.ap("voc10") == pytest.approx(5 / 6)
    assert curve.ap("voc07") == pytest.approx((6 + 5 * 2 / 3) / 11)


def test_a_taken_object_is_not_exchanged_for_the_second_best() -> None:
    """The devkit's rule: a box whose best object is taken is a false positive, even if it overlaps a free one."""
    objects = np.array([(0, 0, 100, 100), (0, 0, 100, 80)], dtype=np.float32)
    boxes = np.array([(0, 0, 100, 100), (0, 0, 100, 98)], dtype=np.float32)
    outcomes = match_detections(boxes, objects=objects, ignore=np.zeros(2, bool))
    assert outcomes.tolist() == [TRUE_POSITIVE, FALSE_POSITIVE]


@pytest.mark.parametrize("flag", ["difficult", "crowd"])
def test_difficult_and_crowd_neither_count_nor_punish(flag: str) -> None:
    """AP with three detections of an ignored object against the AP without them."""
    flags = {flag: [False, True]}
    dataset = a_dataset(an_example("a", boxes=[CAT, FAR], **flags))
    found = some_detections([FAR, FAR, FAR, CAT], scores=[0.9, 0.8, 0.7, 0.6])
    curve = evaluate_voc(dataset, detections=[found]).curves[0]
    assert (curve.num_objects, len(curve.scores), curve.ap("voc10")) == (1, 1, 1.0)
    outcomes = match_detections(found.boxes, objects=dataset[0].boxes, ignore=np.array([False, True]))
    assert outcomes.tolist() == [IGNORED] * 3 + [TRUE_POSITIVE]


def test_the_threshold_is_reached_by_equality() -> None:
    """An IoU of exactly 0.5 against a true positive, and one just below against a false positive."""
    objects, ignore = np.array([(0, 0, 10, 10)], np.float32), np.zeros(1, bool)
    for height, outcome in ((5, TRUE_POSITIVE), (4.999, FALSE_POSITIVE)):
        box = np.array([(0, 0, 10, height)], np.float32)
        assert match_detections(box, objects=objects, ignore=ignore).tolist() == [outcome]


def test_equal_scores_keep_the_order_of_the_images() -> None:
    """Two detections of the same score in two images: the curve starts with the first image's."""
    dataset = a_dataset(an_example("a", boxes=[CAT]), an_example("b", boxes=[CAT]))
    right, wrong = some_detections([CAT], scores=[0.5]), some_detections([FAR], scores=[0.5])
    first = evaluate_voc(dataset, detections=[right, wrong]).curves[0]
    second = evaluate_voc(dataset, detections=[wrong, right]).curves[0]
    assert (first.precision.tolist(), second.precision.tolist()) == ([1, 0.5], [0, 0.5])


def test_classes_without_objects_or_detections() -> None:
    """A class without objects against AP nan, left out of the mean; one without detections against AP 0."""
    names = ("cat", "dog", "cow")
    dataset = a_dataset(an_example("a", boxes=[CAT, FAR], labels=[0, 1]), class_names=names)
    found = some_detections([CAT, FAR], scores=[0.9, 0.8], labels=[0, 2], class_names=names)
    result = evaluate_voc(dataset, detections=[found])
    assert np.array_equal(result.ap("voc10"), [1, 0, np.nan], equal_nan=True)
    assert result.mean("voc10") == 0.5
    empty = evaluate_voc(a_dataset(an_example("a")), detections=[some_detections()])
    assert np.isnan(empty.mean("voc07"))


def test_unknown_version() -> None:
    """The message for an AP version that does not exist names those that do."""
    with pytest.raises(ValueError, match="voc07, voc10, integral"):
        average_precision(np.zeros(1), precision=np.zeros(1), version="voc12")
