"""Tests of `evaluate`: detectors and mappings, class names, images that cannot be read, numbers, table and JSON."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from evaluation_cases import a_dataset, an_example, noisy_scenes, some_detections
from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.evaluation.coco import NUMBERS
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.voc import evaluate_voc

CAT = (10, 10, 50, 50)
FAR = (100, 100, 140, 140)


class Finder:
    """A detector that knows the answer for each path, fails on broken images, and records its batches."""

    def __init__(self, answers: dict[str, Detections], *, broken: tuple[str, ...] = ()) -> None:
        self.answers, self.broken = answers, broken
        self.batches: list[list[str]] = []

    def __call__(self, paths: list[Path]) -> list[Detections]:
        self.batches.append([path.stem for path in paths])
        for path in paths:
            if path.stem in self.broken:
                raise DataError(f"{path}: not an image")
        return [self.answers[path.stem] for path in paths]


class Stream(Finder):
    """The same detector with `try_each`, which continues after a broken image."""

    def try_each(self, sources: Iterable[Path], *, batch_size: int) -> Iterator[Detections | DataError]:
        for path in sources:
            broken = path.stem in self.broken
            yield DataError("not an image") if broken else self.answers[path.stem]


def three_cats() -> tuple[Dataset, dict[str, Detections]]:
    """Three images with one cat each, and detections; the third detection is wrong."""
    dataset = a_dataset(*(an_example(name, boxes=[CAT]) for name in "abc"))
    answers = {name: some_detections([CAT], scores=[0.9]) for name in "ab"}
    return dataset, answers | {"c": some_detections([FAR], scores=[0.5])}


@pytest.mark.parametrize("metric", ["voc07", "voc10", "coco"])
def test_detector_stream_and_mapping_agree(metric: str) -> None:
    """Numbers of a callable in batches, a stream and a mapping with the same detections, against each other."""
    dataset, detections = noisy_scenes(np.random.default_rng(7), images=11, grid=False)
    answers = dict(zip((example.id for example in dataset), detections, strict=True))
    finder = Finder(answers)
    outcomes = [
        evaluate(detector, dataset, metric=metric, batch_size=4) for detector in (finder, Stream(answers), answers)
    ]
    assert [len(batch) for batch in finder.batches] == [4, 4, 3]
    assert outcomes[0].to_json() == outcomes[1].to_json() == outcomes[2].to_json()
    assert outcomes[0].num_images == 11
    assert outcomes[0].num_detections == sum(map(len, detections))


def test_voc_numbers_and_curves() -> None:
    """Mean, AP of classes, counts and curves against those of evaluate_voc."""
    dataset, detections = noisy_scenes(np.random.default_rng(3), images=9, grid=False)
    answers = dict(zip((example.id for example in dataset), detections, strict=True))
    result = evaluate_voc(dataset, detections=detections)
    evaluation = evaluate(answers, dataset, metric="voc07")
    assert evaluation.mean == evaluation.numbers["voc07"] == result.mean("voc07")
    assert set(evaluation.numbers) == {"voc07", "voc10", "integral"}
    assert list(evaluation.ap.values()) == result.ap("voc07").tolist()
    assert list(evaluation.objects.values()) == [curve.num_objects for curve in result.curves]
    assert np.array_equal(evaluation.curves["dog"].recall, result.curves[1].recall)


def test_the_whole_coco_evaluation() -> None:
    """Names of the twelve numbers, AP as the mean, and objects without crowds."""
    dataset = a_dataset(an_example("a", boxes=[CAT, FAR], crowd=[False, True]))
    evaluation = evaluate({"a": some_detections([CAT], scores=[0.9])}, dataset, metric="coco")
    assert tuple(evaluation.numbers) == NUMBERS
    assert (evaluation.mean, evaluation.objects) == (pytest.approx(1), {"cat": 1})
    assert evaluation.curves == {}


@pytest.mark.parametrize("kind", [Finder, Stream])
def test_an_image_that_cannot_be_read(kind: type[Finder]) -> None:
    """A broken image against one that a mapping lacks: no detections, and a line in `problems`."""
    dataset, answers = three_cats()
    evaluation = evaluate(kind(answers, broken=("b",)), dataset)
    assert evaluation.problems == ("b.jpg: not an image",)
    assert evaluation.mean == evaluate({k: v for k, v in answers.items() if k != "b"}, dataset).mean
    assert "b.jpg: not an image" in evaluation.table()


def test_no_image_can_be_read() -> None:
    """Only broken images against the error with their number and the first name."""
    dataset, answers = three_cats()
    with pytest.raises(DataError, match=r"none of the 3 images of test data can be read; the first: a\.jpg"):
        evaluate(Finder(answers, broken=("a", "b", "c")), dataset)


def test_progress_counts_images() -> None:
    """Calls of `progress` against the count of images done and of all."""
    dataset, answers = three_cats()
    calls: list[tuple[int, int]] = []
    evaluate(Finder(answers), dataset, batch_size=2, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_classes_are_matched_by_name() -> None:
    """A detector with classes in another order and one more class against AP 1."""
    dataset = a_dataset(an_example("a", boxes=[CAT, FAR], labels=[0, 1]), class_names=("cat", "dog"))
    found = some_detections(
        [CAT, FAR, CAT], scores=[0.9, 0.8, 0.7], labels=[2, 0, 1], class_names=("dog", "cow", "cat")
    )
    evaluation = evaluate({"a": found}, dataset)
    assert (evaluation.ap, evaluation.num_detections) == ({"cat": 1, "dog": 1}, 2)


def test_case_does_not_matter() -> None:
    """Classes that differ in case alone against AP 1; a detector with both uses each for its own class."""
    dataset = a_dataset(an_example("a", boxes=[CAT, FAR], labels=[0, 1]), class_names=("cat", "dog"))
    found = some_detections([CAT, FAR], scores=[0.9, 0.8], labels=[1, 0], class_names=("Dog", "CAT"))
    assert evaluate({"a": found}, dataset).ap == {"cat": 1, "dog": 1}
    both = some_detections([CAT, FAR], scores=[0.9, 0.8], labels=[1, 2], class_names=("Cat", "cat", "dog"))
    assert evaluate({"a": both}, dataset).ap == {"cat": 1, "dog": 1}


def test_a_class_that_the_detector_lacks_fails_at_the_first_batch() -> None:
    """The error names the missing class and the detector's, and comes before the other images are run."""
    dataset, answers = three_cats()
    dataset = Dataset("pets", ("cat", "dog"), dataset.examples)
    finder = Finder(answers)
    with pytest.raises(DataError, match="does not know: dog; it knows cat;"):
        evaluate(finder, dataset, batch_size=1)
    assert finder.batches == [["a"]]


def test_wrong_use() -> None:
    """The errors for an unknown metric, no batch, an empty data set and detections of unknown images."""
    dataset, answers = three_cats()
    with pytest.raises(UsageError, match="metric 'voc12'; it is one of voc07, voc10"):
        evaluate(answers, dataset, metric="voc12")
    with pytest.raises(UsageError, match="the batch size is 0"):
        evaluate(Finder(answers), dataset, batch_size=0)
    with pytest.raises(DataError, match="test data: no image to evaluate on"):
        evaluate(answers, a_dataset())
    with pytest.raises(DataError, match="detections of 1 images that are not in test data, the first 'd'"):
        evaluate(answers | {"d": answers["a"]}, dataset)


def test_table_and_json() -> None:
    """The exact table, and JSON with null for a missing number."""
    names = ("cat", "potted plant")
    dataset = a_dataset(an_example("a", boxes=[CAT]), class_names=names)
    evaluation = evaluate({"a": some_detections([CAT], scores=[0.9], class_names=names)}, dataset, metric="voc10")
    assert evaluation.table().splitlines() == [
        "class         objects   AP %",
        "----------------------------",
        "cat                 1  100.0",
        "potted plant        0      -",
        "----------------------------",
        "mean (voc10)        1  100.0",
        "",
        "voc07 100.0  voc10 100.0  integral 100.0",
        "1 images, 1 detections",
    ]
    document = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert document["ap"] == {"cat": 1.0, "potted plant": None}
    assert (document["mean"], document["objects"], document["problems"]) == (1.0, {"cat": 1, "potted plant": 0}, [])
