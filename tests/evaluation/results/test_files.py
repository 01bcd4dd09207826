"""Tests of detection files: round trips, files written by hand in the two formats, and the messages for broken ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evaluation_cases import a_dataset, an_example, some_detections
from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.evaluation.results.files import read_detections, write_detections
from multibox.size import Size

NAMES = ("cat", "blood cell", "red blood cell", "t_shirt")
IDS = ("2008_000001", "42", "000042", "my photo")
CATEGORIES = (3, 90, 17, 21)


def a_four_image_dataset() -> Dataset:
    return a_dataset(*map(an_example, IDS), class_names=NAMES)


SIDES = st.floats(0, 600, width=32)
ROWS = st.tuples(st.floats(0, 1, width=32), st.integers(0, 3), st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES))
IMAGES = st.lists(st.lists(ROWS, max_size=4), min_size=len(IDS), max_size=len(IDS))


def built(rows_of_image: list[tuple[float, int, tuple[float, float], tuple[float, float]]]) -> Detections:
    """Build detections from rows (score, label, two x, two y), highest score first."""
    ordered = sorted(rows_of_image, key=lambda row: -row[0])
    boxes = [(min(x), min(y), max(x), max(y)) for _, _, x, y in ordered]
    scores, labels = [row[0] for row in ordered], [row[1] for row in ordered]
    return some_detections(boxes, scores=scores, labels=labels, class_names=NAMES)


def rows(detections: Detections) -> list[tuple[float, str, list[float]]]:
    """List detections in an order that does not depend on ties between scores."""
    return sorted((score, name, box.tolist()) for box, score, name in detections)


@pytest.mark.parametrize(("file_format", "tolerance"), [("coco", 0.011), ("voc", 0.0006)])
@given(images=IMAGES)
@example(images=[[(0.5, 0, (0.0, 0.0), (0.312, 0.312))], [], [], []])  # 1.312 - 1 is more than 0.312
@settings(max_examples=40, deadline=None, derandomize=True)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, images: list[list[Any]], file_format: str, tolerance: float
) -> None:
    """Written and read detections against the originals: exact scores, sides to the decimals of the format."""
    found = {image_id: built(image) for image_id, image in zip(IDS, images, strict=True)}
    path = tmp_path_factory.mktemp("results") / "found"
    dataset = a_four_image_dataset()
    write_detections(path, dataset=dataset, detections=found, file_format=file_format, category_ids=CATEGORIES)
    again = read_detections(path, dataset=dataset, category_ids=CATEGORIES)
    assert list(again) == list(IDS)
    for image_id, detections in again.items():
        assert (np.diff(detections.scores) <= 0).all()
        assert sorted(detections.scores) == sorted(found[image_id].scores)
        for label in range(4):
            ours, theirs = detections.labels == label, found[image_id].labels == label
            assert np.array_equal(detections.scores[ours], found[image_id].scores[theirs])
            np.testing.assert_allclose(detections.boxes[ours], found[image_id].boxes[theirs], atol=tolerance)


def test_a_coco_file_by_hand(tmp_path: Path) -> None:
    """x, y, width, height and a category id of the annotation file against corners and the label of that id."""
    entry = {"image_id": 42, "category_id": 17, "bbox": [10, 20, 30.5, 40], "score": 0.5}
    file = tmp_path / "results.json"
    file.write_text(json.dumps([entry, entry | {"score": 0.75, "category_id": 3}]))
    found = read_detections(file, dataset=a_four_image_dataset(), category_ids=CATEGORIES)["42"]
    assert found.boxes.tolist() == [[10, 20, 40.5, 60]] * 2
    assert (found.scores.tolist(), found.labels.tolist()) == ([0.75, 0.5], [0, 2])
    assert (found.class_names, found.image_size) == (NAMES, Size(480, 640))


def test_coco_entries_as_written(tmp_path: Path) -> None:
    """The JSON itself: 2 decimals, plain numbers as numbers, other ids as text, classes numbered from 1."""
    boxes = [(1.006, 2, 11.123, 22.999)]
    found = some_detections(boxes, scores=[0.123456], labels=[1], class_names=NAMES)
    file = tmp_path / "results.json"
    dataset = a_four_image_dataset()
    write_detections(file, dataset=dataset, detections={"42": found, "000042": found}, file_format="coco")
    bbox = [1.01, 2.0, 10.12, 21.0]
    assert json.loads(file.read_text()) == [
        {"image_id": image_id, "category_id": 2, "bbox": bbox, "score": 0.123456} for image_id in (42, "000042")
    ]


def test_voc_files_by_hand(tmp_path: Path) -> None:
    """Inclusive pixels from 1 against continuous corners; the longest class name that matches the file is used."""
    (tmp_path / "comp4_det_test_red blood cell.txt").write_text("my photo 0.5 1 1 10 20\n\n")
    (tmp_path / "comp4_det_test_t_shirt.txt").write_text("2008_000001 9e-01 5.5 6 7 8.25")
    (tmp_path / "readme.txt").write_text("no detections")
    found = read_detections(tmp_path, dataset=a_four_image_dataset())
    assert rows(found["my photo"]) == [(0.5, "red blood cell", [0, 0, 10, 20])]
    assert rows(found["2008_000001"]) == [(np.float32(0.9), "t_shirt", [4.5, 5, 7, 8.25])]
    assert len(found["42"]) == 0


def test_voc_files_as_written(tmp_path: Path) -> None:
    """The text itself: one file for each class, pixels from 1, small scores without an exponent."""
    found = some_detections([(0, 0.5, 10, 20)], scores=[1e-5], class_names=NAMES)
    write_detections(tmp_path, dataset=a_four_image_dataset(), detections={"42": found}, file_format="voc")
    assert {path.name for path in tmp_path.iterdir()} == {f"comp4_det_test_{name}.txt" for name in NAMES}
    assert (tmp_path / "comp4_det_test_cat.txt").read_text() == "42 0.00001 1.000 1.500 10.000 20.000\n"
    assert (tmp_path / "comp4_det_test_t_shirt.txt").read_text() == ""


NUMBERS = st.integers(-5, 5) | st.floats(-2, 2, width=32) | st.sampled_from([1e300, 10**400, True, None, "1"])
ENTRIES = st.fixed_dictionaries(
    {
        "image_id": st.sampled_from([42, 42, 42, 42.0, "42", True, 43, None]),
        "category_id": st.sampled_from([3, 90, 17, 21, 21, "21", 4]),
        "bbox": st.lists(st.integers(0, 3) | st.floats(0, 2, width=32), min_size=4, max_size=4)
        | st.lists(NUMBERS, min_size=3, max_size=5),
        "score": st.sampled_from([0.5, 0.5, 0.25, 1, 0.1]) | NUMBERS,
    }
)


@given(entries=st.lists(ENTRIES, max_size=8), good=st.integers(0, 3))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_entries_all_at_once_and_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, Any]], good: int
) -> None:
    """Any entries in small parts against the reader of single entries: the same detections, or the same error."""
    file = tmp_path_factory.mktemp("results") / "results.json"
    file.write_text(json.dumps([GOOD | {"score": 0.5}] * good + entries))
    found: list[Any] = []
    for quick in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("multibox.system.json._PART_BYTES", 60)
            if not quick:
                patch.setattr("multibox.evaluation.results.quick.QuickColumns.columns", lambda self, entries: None)
            try:
                read = read_detections(file, dataset=a_four_image_dataset(), category_ids=CATEGORIES)
            except DataError as error:
                found.append(str(error))
            else:
                arrays = ((each.boxes, each.scores, each.labels) for each in read.values())
                found.append([[array.tobytes() for array in each] for each in arrays])
    assert found[0] == found[1]


GOOD = {"image_id": 42, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([GOOD, GOOD | {"image_id": 43}], r"entry 2: image id '43' is not among the 4 of test data"),
        ([GOOD | {"category_id": 4}], r"entry 1: category_id 4 is not one of the data set's, 3, 90, 17, 21"),
        ([GOOD | {"bbox": [1, 2, 3]}], r"entry 1: bbox is \[1, 2, 3\]; an entry has"),
        ([GOOD | {"bbox": [1, 2, -3, 4]}], r"entry 1: box \[1\.0, 2\.0, -2\.0, 6\.0\] as x1 y1 x2 y2; x2 and y2"),
        ([GOOD | {"score": "high"}], r"entry 1: score is 'high'"),
        ([GOOD | {"score": float("nan")}], r"entry 1: score is nan"),
        ([GOOD | {"score": True}], r"entry 1: score is True"),
        ([GOOD | {"image_id": 1.5}], r"entry 1: image_id is 1\.5"),
        ([{"image_id": 42}], r"entry 1: has no \"category_id\"; add it"),
        (["cat"], r"entry 1: 'cat'; every entry must be an object"),
        ({"annotations": [GOOD]}, r"holds one dict; COCO results are a list"),
    ],
)
def test_broken_coco_files(tmp_path: Path, document: object, message: str) -> None:
    """The one-line error names the file, the entry and the value."""
    file = tmp_path / "results.json"
    file.write_text(json.dumps(document))
    with pytest.raises(DataError, match=rf"^{file}: {message}[^\n]*$"):
        read_detections(file, dataset=a_four_image_dataset(), category_ids=CATEGORIES)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("43 0.5 1 2 3 4", r"image id '43' is not among the 4 of test data"),
        ("42 0.5 1 2 3", r"'42 0\.5 1 2 3'; a line is: image-id score x1 y1 x2 y2"),
        ("42 high 1 2 3 4", r"'42 high 1 2 3 4'; a line is"),
        ("42 nan 1 2 3 4", r"score nan"),
        ("42 0.5 5 2 3 4", r"box \[4\.0, 1\.0, 3\.0, 4\.0\] as x1 y1 x2 y2"),
    ],
)
def test_broken_voc_lines(tmp_path: Path, line: str, message: str) -> None:
    """The one-line error names the file, the line and the value."""
    file = tmp_path / "comp4_det_val_cat.txt"
    file.write_text(f"42 0.9 1 1 2 2\n{line}\n")
    with pytest.raises(DataError, match=rf"^{file}: line 2: {message}[^\n]*$"):
        read_detections(tmp_path, dataset=a_four_image_dataset())


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["comp4_det_val_dog.txt"], r"comp4_det_val_dog\.txt: .* none of the data set's classes, cat, blood cell"),
        (["comp3_det_val_cat.txt", "comp4_det_val_cat.txt"], "a second file of class cat"),
        (["other.txt"], r"no file comp4_det_SET_CLASS\.txt"),
    ],
)
def test_wrong_voc_folders(tmp_path: Path, files: list[str], message: str) -> None:
    """The error for an unknown class, for two files of one class, and for a folder without detection files."""
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=message):
        read_detections(tmp_path, dataset=a_four_image_dataset())


def test_files_that_are_not_there_or_no_json(tmp_path: Path) -> None:
    """The error for a path that does not exist, for text that is no JSON, and for a format that does not exist."""
    dataset = a_four_image_dataset()
    with pytest.raises(DataError, match=r"absent\.json does not exist"):
        read_detections(tmp_path / "absent.json", dataset=dataset)
    (tmp_path / "broken.json").write_text("[{")
    with pytest.raises(DataError, match=r"broken\.json is not JSON \(.*line 1"):
        read_detections(tmp_path / "broken.json", dataset=dataset)
    with pytest.raises(UsageError, match="'csv'; it is coco or voc"):
        write_detections(tmp_path / "found", dataset=dataset, detections={}, file_format="csv")


def test_data_sets_that_do_not_fit(tmp_path: Path) -> None:
    """The errors for too few category ids, for images that share an id, and for odd class names."""
    file = tmp_path / "results.json"
    file.write_text("[]")
    with pytest.raises(DataError, match="2 category ids for the 4 classes"):
        read_detections(file, dataset=a_four_image_dataset(), category_ids=(1, 2))
    with pytest.raises(DataError, match="two images share an id"):
        read_detections(file, dataset=a_dataset(an_example("a"), an_example("a")))
    with pytest.raises(DataError, match="'a/b' cannot be part of a file name"):
        write_detections(tmp_path, dataset=a_dataset(class_names=("a/b",)), detections={}, file_format="voc")
