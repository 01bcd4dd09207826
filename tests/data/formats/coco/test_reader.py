"""COCO files against the json module, and against small files written here."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multibox.data.formats.coco.reader import read_coco
from multibox.data.load import load_dataset
from multibox.errors import DataError
from multibox.size import Size
from shared_data import shared

CATEGORIES = [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}, {"id": 44, "name": "bottle"}]


def image(key: int, **more: Any) -> dict[str, Any]:
    return {"id": key, "file_name": f"{key}.jpg", "width": 100, "height": 80, **more}


def annotation(key: int, image: int, box: list[float], **more: Any) -> dict[str, Any]:
    return {"id": key, "image_id": image, "category_id": 44, "bbox": box, **more}


def write(path: Path, images: list[Any], annotations: list[Any], categories: list[Any] = CATEGORIES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


@pytest.mark.parametrize(
    "name",
    [
        "coco_tiny/annotations/instances_train2017.json",
        "coco_tiny/annotations/instances_val2017.json",
        "coco_eval100/instances_val2014_100.json",
    ],
)
def test_counts_against_the_json_module(name: str) -> None:
    """Images, objects per class and image, and crowds, against counts over the parsed JSON."""
    path = shared(f"data/{name}")
    document = json.loads(path.read_text())
    data = read_coco(path)
    names = {entry["id"]: entry["name"] for entry in document["categories"]}
    assert data.category_ids == tuple(sorted(names))
    areas = sum(entry["area"] for entry in document["annotations"])
    assert sum(float(e.areas.sum()) for e in data if e.areas is not None) == pytest.approx(areas)
    assert data.class_names == tuple(names[key] for key in sorted(names))
    assert len(data) == len(document["images"])
    expected = Counter((str(entry["image_id"]), names[entry["category_id"]]) for entry in document["annotations"])
    assert Counter((e.id, data.class_names[label]) for e in data for label in e.labels) == expected
    assert sum(int(e.crowd.sum()) for e in data) == sum(entry["iscrowd"] for entry in document["annotations"])
    assert data.problems == ()


def test_boxes_flags_gaps_and_backgrounds(tmp_path: Path) -> None:
    """Labels against the ranks of category ids, boxes against clipped corners; flags and empty images are kept."""
    rows = [annotation(7, 2, [10, 20, 30.5, 200], iscrowd=1), annotation(8, 2, [1, 2, 3, 4], difficult=1)]
    data = read_coco(write(tmp_path / "a.json", [image(1), image(2)], rows))
    assert data.class_names == ("person", "bottle", "toothbrush")
    assert [len(example.labels) for example in data] == [0, 2]
    np.testing.assert_array_equal(data[1].boxes, np.float32([[10, 20, 40.5, 80], [1, 2, 4, 6]]))
    assert data[1].labels.tolist() == [1, 1]
    assert data[1].crowd.tolist() == [True, False]
    assert data[1].difficult.tolist() == [False, True]
    assert data[1].size == Size(80, 100)


def test_unusable_boxes_are_dropped_and_named(tmp_path: Path) -> None:
    """Boxes without extent, negative, outside or not finite, and an unknown image, against lines with their id."""
    boxes = [[5, 5, 0, 9], [5, 5, -3, 9], [200, 5, 3, 9], [float("nan"), 5, 3, 9], [5, 5, 3, 9]]
    rows = [annotation(10 + place, 1, box) for place, box in enumerate(boxes)] + [annotation(20, 3, [1, 1, 5, 5])]
    data = read_coco(write(tmp_path / "a.json", [image(1)], rows))
    assert data.num_objects == 1
    expected = [
        "annotation 20: belongs to image 3",
        "annotation 10 (bottle): box (5, 5, 0, 9) has no width or height; dropped",
        "annotation 11 (bottle): box (5, 5, -3, 9) has swapped corners; dropped",
        "annotation 12 (bottle): box (200, 5, 3, 9) is entirely outside the image; dropped",
        "annotation 13 (bottle): box (nan, 5, 3, 9) has values that are not finite numbers; dropped",
    ]
    assert all(part in line for part, line in zip(expected, data.problems, strict=True))


def test_lists_of_ids(tmp_path: Path) -> None:
    """Images by id, from a sequence, a text file and a JSON list; minival and trainval35k by their lists."""
    notes = tmp_path / "annotations"
    write(notes / "instances_train2014.json", [image(1), image(2)], [])
    path = write(notes / "instances_val2014.json", [image(3), image(4), image(5)], [])
    (notes / "minival.txt").write_text("5\n3\n")
    (notes / "trainval35k.txt").write_text("1\n2\n4\n")
    (tmp_path / "ids.json").write_text("[4]")
    assert [example.id for example in read_coco(path, ids=[5, 4])] == ["4", "5"]
    assert [example.id for example in read_coco(path, ids=tmp_path / "ids.json")] == ["4"]
    assert [example.id for example in load_dataset(tmp_path, split="minival")] == ["3", "5"]
    assert [example.id for example in load_dataset(tmp_path, split="trainval35k")] == ["1", "2", "4"]
    assert [example.id for example in load_dataset(tmp_path, split="train+val")] == ["1", "2", "3", "4", "5"]
    with pytest.raises(DataError, match="has none of the 1 image ids asked for"):
        read_coco(path, ids=[99])


def test_images_are_found_in_the_usual_places(tmp_path: Path) -> None:
    """Images in train2017, images and the file's own folder are found; a given folder has precedence."""
    for folder in ("train2017", "images", "annotations"):
        path = write(tmp_path / folder / "annotations/instances_train2017.json", [image(1)], [])
        if folder == "annotations":
            path = write(tmp_path / folder / "_annotations.coco.json", [image(1)], [])
        home = path.parent if folder == "annotations" else path.parent.parent / folder
        home.mkdir(exist_ok=True)
        (home / "1.jpg").touch()
        assert read_coco(path)[0].image == home / "1.jpg"
        assert read_coco(path, images="elsewhere")[0].image == Path("elsewhere/1.jpg")


@pytest.mark.parametrize(
    ("images", "rows", "categories", "message"),
    [
        ([image(1), image(1)], [], CATEGORIES, "two images have the id 1"),
        ([{"id": 1}], [], CATEGORIES, 'image 1: has no "file_name"; add it'),
        ([image(1)], [annotation(3, 1, [1, 2, 3])], CATEGORIES, "annotation 3: bbox has 3 numbers"),
        (
            [image(1)],
            [annotation(3, 1, [1, 2, 3, 4], category_id=2)],
            CATEGORIES,
            "class '2' is not one of 1, 44, 90",
        ),
        ([image(1)], [], [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}], "categories 1, 2 are all named 'a'"),
        ([image(1)], [], [{"name": "a"}], 'has no "categories" with an id each'),
    ],
)
def test_broken_files_are_one_line_errors(
    tmp_path: Path, images: list[Any], rows: list[Any], categories: list[Any], message: str
) -> None:
    """Each contradiction inside a file against a DataError of one line."""
    path = write(tmp_path / "a.json", images, rows, categories)
    with pytest.raises(DataError, match=message) as caught:
        read_coco(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ("[]", 'has no list "images"'), (None, "cannot be")]
)
def test_other_files_are_refused(tmp_path: Path, text: str | None, message: str) -> None:
    """Truncated JSON, a file of results and a missing file against their messages."""
    if text is not None:
        (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_coco(tmp_path / "a.json")
