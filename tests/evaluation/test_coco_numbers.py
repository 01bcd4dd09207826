"""Tests of the twelve COCO numbers against published numbers, and of our curves against the evaluator's arrays."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation_cases import a_dataset, an_example, noisy_scenes, some_detections
from multibox.data.dataset import Dataset, Example
from multibox.data.formats.coco.reader import read_coco
from multibox.detections import Detections
from multibox.evaluation.coco import NUMBERS, evaluate_coco
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.results.files import read_detections
from multibox.evaluation.voc import evaluate_voc
from oracles.faster_coco import reference
from shared_data import shared

CAT = (10, 10, 50, 50)
FAR = (100, 100, 240, 240)


def coco_dataset(annotation_file: Path) -> tuple[Dataset, tuple[int, ...]]:
    """Read the annotation file without the package's reader; return the data set and its category ids."""
    document = json.loads(annotation_file.read_text())
    names = {category["id"]: category["name"] for category in document["categories"]}
    ids = tuple(sorted(names))
    of_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in document["images"]}
    for row in document["annotations"]:
        of_image[row["image_id"]].append(row)
    examples = []
    for image_id, rows in of_image.items():
        boxes = np.array([row["bbox"] for row in rows], dtype=float).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = [ids.index(row["category_id"]) for row in rows]
        crowd = [bool(row["iscrowd"]) for row in rows]
        example = an_example(str(image_id), boxes=boxes, labels=labels, crowd=crowd)
        examples.append(replace(example, areas=np.array([row["area"] for row in rows], dtype=float)))
    return Dataset(annotation_file.stem, tuple(names[number] for number in ids), tuple(examples)), ids


def expected_box_numbers(text: str) -> list[float]:
    """The twelve numbers of the section `type=bbox` of the COCO API's output."""
    section = text.split("type=bbox")[1].split("type=")[0]
    return [float(value) for value in re.findall(r"\] = (0\.\d+)", section)]


def test_the_hundred_images_of_the_coco_api(capfd: pytest.CaptureFixture[str]) -> None:
    """Twelve numbers of 100 val2014 images against the output of the COCO API; nothing is printed."""
    folder = shared("data/coco_eval100")
    annotation_file = folder / "instances_val2014_100.json"
    dataset, ids = coco_dataset(annotation_file)
    found = read_detections(folder / "instances_val2014_fakebbox100_results.json", dataset=dataset, category_ids=ids)
    evaluation = evaluate(found, dataset, metric="coco")
    expected = expected_box_numbers((folder / "val2014_fake_eval_res.txt").read_text())
    assert [round(evaluation.numbers[name], 3) for name in NUMBERS] == expected
    assert evaluation.mean == evaluation.numbers["AP"] == pytest.approx(np.nanmean(list(evaluation.ap.values())))
    assert capfd.readouterr() == ("", "")


def test_the_packages_reader_leads_to_the_same_numbers() -> None:
    """The twelve numbers with the package's COCO reader against those with the short reader of these tests."""
    folder = shared("data/coco_eval100")
    annotation_file = folder / "instances_val2014_100.json"
    results = folder / "instances_val2014_fakebbox100_results.json"
    own, ids = coco_dataset(annotation_file)
    numbers = []
    for dataset, category_ids in ((own, ids), (read_coco(annotation_file), None)):
        found = read_detections(results, dataset=dataset, category_ids=category_ids)
        numbers.append(evaluate(found, dataset, metric="coco").numbers)
    assert numbers[0] == pytest.approx(numbers[1], abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_two_curves_at_iou_50(seed: int) -> None:
    """Largest precision beyond each of 101 recalls: the VOC curve against COCO's at IoU .5.

    Objects do not overlap, so that the two rules about taken objects agree.
    """
    dataset, detections = noisy_scenes(np.random.default_rng(seed), images=20, grid=True)
    result = evaluate_coco(dataset, detections=detections)
    curves = evaluate_voc(dataset, detections=detections).curves
    recalls = np.linspace(0, 1, 101)
    for label, curve in enumerate(curves):
        reached = curve.recall[None] >= recalls[:, None]
        ours = np.where(reached, curve.precision[None], 0).max(axis=1, initial=0)
        np.testing.assert_allclose(result.precision[0, :, label, 0], ours, atol=1e-9)
        assert result.ap50[label] == pytest.approx(ours.mean())
        assert abs(result.ap50[label] - curve.ap("voc10")) < 0.01 + 1 / 101


@pytest.mark.parametrize("seed", range(12))
def test_random_scenes(seed: int) -> None:
    """All numbers and precisions of crowded scenes against faster-coco-eval.

    They have crowds, difficult objects, given areas, equal overlaps and scores, and more than 100 detections.
    """
    rng = np.random.default_rng(seed)
    dataset, detections = noisy_scenes(rng, images=12, grid=False)
    examples = tuple(_varied(example, rng, areas=seed % 2 == 0) for example in dataset)
    dataset = replace(dataset, examples=examples)
    detections = [_many(found, rng) if len(found) and rng.random() < 0.3 else found for found in detections]
    expected = reference(dataset, detections, order=range(len(dataset)))
    result = evaluate_coco(dataset, detections=detections)
    np.testing.assert_array_equal(result.precision, expected.precision)
    assert np.nan_to_num(list(result.numbers.values()), nan=-1).tolist() == expected.numbers


def _varied(example: Example, rng: np.random.Generator, *, areas: bool) -> Example:
    """The example with some crowds and difficult objects, some boxes twice, and areas of any size."""
    count = len(example.labels)
    rows = np.concatenate([np.arange(count), rng.integers(0, count, 2) if count else np.zeros(0, int)])
    flags = rng.random((2, len(rows))) < 0.15
    given = rng.choice([100.0, 1024.0, 5000.0, 9216.0, 20_000.0], len(rows)) if areas else None
    boxes, labels = example.boxes[rows], example.labels[rows]
    return replace(example, boxes=boxes, labels=labels, difficult=flags[0], crowd=flags[1], areas=given)


def _many(found: Detections, rng: np.random.Generator) -> Detections:
    """More than 100 detections of one class, some of them at the same places, with few different scores."""
    rows = rng.integers(0, len(found), 130)
    boxes = found.boxes[rows] + rng.integers(0, 2, (130, 1)).astype(np.float32)
    scores = -np.sort(-rng.integers(1, 30, 130)).astype(np.float32) / 30
    return replace(
        found, boxes=boxes, scores=scores, labels=np.zeros(130, np.int64), priors=rows * 0 - 1, tracks=rows * 0 - 1
    )


def test_perfect_detections() -> None:
    """Exact boxes of every size against AP 1 everywhere, and recalls limited only by the number of detections."""
    boxes = [(0, 0, 20, 20), (100, 100, 150, 150), (200, 200, 400, 400)]
    found = some_detections(boxes, scores=[0.9, 0.8, 0.7])
    numbers = evaluate_coco(a_dataset(an_example("a", boxes=boxes)), detections=[found]).numbers
    assert {name for name, value in numbers.items() if value == pytest.approx(1)} == set(NUMBERS) - {"AR1"}
    assert numbers["AR1"] == pytest.approx(1 / 3)


def test_given_areas_decide_what_is_small() -> None:
    """APs, APm and APl of a 200 x 200 box with a given area of 100: only APs exists, the others are nan."""
    dataset = a_dataset(an_example("a", boxes=[(0, 0, 200, 200)]))
    found = [some_detections([(0, 0, 200, 200)], scores=[0.9])]
    by_box = evaluate_coco(dataset, detections=found).numbers
    dataset = a_dataset(replace(dataset[0], areas=np.array([100.0])))
    by_area = evaluate_coco(dataset, detections=found).numbers
    assert (by_box["APl"], by_area["APs"]) == (pytest.approx(1), pytest.approx(1))
    assert np.isnan([by_box["APs"], by_box["APm"], by_area["APm"], by_area["APl"]]).all()


@pytest.mark.parametrize("flag", ["difficult", "crowd"])
def test_regions_to_ignore_swallow_detections(flag: str) -> None:
    """AP with detections inside a crowd or difficult object against 1: they do not count as errors."""
    dataset = a_dataset(an_example("a", boxes=[CAT, FAR], **{flag: [False, True]}))
    inside = [(110, 110, 150, 150), (150, 150, 200, 200)]
    found = some_detections([*inside, CAT], scores=[0.9, 0.8, 0.7])
    assert evaluate_coco(dataset, detections=[found]).numbers["AP"] == pytest.approx(1)
    plain = a_dataset(an_example("a", boxes=[CAT, FAR]))
    assert evaluate_coco(plain, detections=[found]).numbers["AP"] < 0.5


def test_equal_scores_follow_the_numbers_of_the_images() -> None:
    """AP of equal scores in images 10 and 9 against the other order of the data set: image 9 comes first in both."""
    ten, nine = an_example("10", boxes=[CAT]), an_example("9", boxes=[CAT])
    right, wrong = some_detections([CAT], scores=[0.5]), some_detections([FAR], scores=[0.5])
    values = [
        evaluate_coco(a_dataset(ten, nine), detections=[wrong, right]).numbers["AP"],
        evaluate_coco(a_dataset(nine, ten), detections=[right, wrong]).numbers["AP"],
    ]
    assert values == [pytest.approx(51 / 101)] * 2


def test_nothing_found_and_nothing_there() -> None:
    """All numbers against 0 without detections and nan without objects."""
    there: Example = an_example("a", boxes=[CAT])
    nothing = evaluate_coco(a_dataset(there), detections=[some_detections()])
    assert (nothing.numbers["AP"], nothing.numbers["AR100"], nothing.ap.tolist()) == (0, 0, [0])
    absent = evaluate_coco(a_dataset(an_example("a")), detections=[some_detections([CAT], scores=[1])])
    assert np.isnan([*absent.numbers.values(), *absent.ap, *absent.ap50]).all()
