"""Fields of COCO files that tools write differently: ids, flags, null, polygons, names of files, and hostile values."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_set_files import coco_image, coco_json, coco_object, write_file, write_image
from multibox.check.check import check_dataset
from multibox.data.dataset import Dataset
from multibox.data.formats.coco.reader import read_coco
from multibox.data.load import load_dataset
from multibox.errors import DataError, MultiboxError
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.results.files import read_detections


def load(root: Path, *objects: object, images: list | None = None, categories: list | None = None) -> Dataset:
    images = [coco_image()] if images is None else images
    return read_coco(write_file(root / "a.json", coco_json(images, list(objects), categories)))


def test_ids_as_text_and_numbers(tmp_path: Path) -> None:
    """1, 1.0 and "1" are one id in images, annotations, categories, lists of ids and results; others may be text."""
    images = [coco_image(1), coco_image("2", "b.jpg"), coco_image("x-9", "c.jpg")]
    objects = [coco_object("u-1", "1"), coco_object(2, 2.0, category_id="1"), coco_object(None, "x-9", category_id=7)]
    categories = [{"id": "10", "name": "late"}, {"id": "1", "name": "dog"}, {"id": 7, "name": "cat"}]
    data = load(tmp_path, *objects, images=images, categories=categories)
    assert data.class_names == ("dog", "cat", "late")
    assert data.category_ids == (1, 7, 10)
    assert [(example.id, example.labels.tolist()) for example in data] == [("1", [0]), ("2", [0]), ("x-9", [1])]
    assert len(read_coco(tmp_path / "a.json", ids=["1", "x-9"])) == 2
    entry = {"bbox": [2, 3, 6, 7], "score": 0.9}
    rows = [{"image_id": "1", "category_id": "1"}, {"image_id": 2.0, "category_id": 1.0}]
    rows.append({"image_id": "x-9", "category_id": 7})
    found = read_detections(write_file(tmp_path / "r.json", json.dumps([row | entry for row in rows])), dataset=data)
    assert evaluate(found, data).mean == 1.0


def test_flags_as_text(tmp_path: Path) -> None:
    """iscrowd and difficult as text, numbers and null against flags; a set of crowds only has no objects."""
    flags = ["0", "1", 0.0, None, "false", True]
    objects = [coco_object(number, iscrowd=value, difficult=value) for number, value in enumerate(flags, start=1)]
    example = load(tmp_path, *objects)[0]
    assert example.crowd.tolist() == example.difficult.tolist() == [False, True, False, False, False, True]
    load(tmp_path, coco_object(iscrowd=1))
    write_image(tmp_path / "a.jpg")
    assert "no_objects" in [problem.kind for problem in check_dataset(tmp_path).problems if problem.severity == "error"]


def test_optional_fields_may_be_null_or_odd(tmp_path: Path) -> None:
    """No object is lost because of area, id, size or name; a box can come from a polygon."""
    odd = [{"area": None}, {"area": "x"}, {"area": -1}, {"area": 10**400}, {"segmentation": None}, {"id": [1]}]
    polygon = [[2, 3, 8, 3, 8, 10, 2, 10], [4, 4, 9, 4, 9, 5]]
    objects = [coco_object() | fields for fields in odd]
    objects += [coco_object(bbox=bbox, segmentation=polygon) for bbox in (None, [])]
    objects.append({key: value for key, value in coco_object(segmentation=polygon).items() if key != "bbox"})
    images = [{"id": 1, "file_name": "a.jpg", "width": "40", "height": 20.0}]
    data = load(tmp_path, *objects, images=images, categories=[{"id": 1, "name": None}])
    assert data.class_names == ("1",)
    assert data[0].size == (20, 40)
    np.testing.assert_array_equal(data[0].boxes, np.float32([[2, 3, 8, 10]] * 6 + [[2, 3, 9, 10]] * 3))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_id": None}, 'annotation 1: has no "image_id"; add it'),
        ({"image_id": [1]}, r"image_id is \[1\]; an id is a number or text"),
        ({"category_id": None}, 'has no "category_id"'),
        ({"category_id": {}}, r"category_id is \{\}"),
        ({"bbox": None}, "has no bbox of four numbers and no polygon"),
        ({"bbox": "1,2,3,4"}, "bbox is a str"),
        ({"bbox": [1, 2, 3]}, "bbox has 3 numbers"),
        ({"bbox": [1, 2, 3, 10**400]}, "bbox: a value is an integer of hundreds of digits"),
        ({"bbox": [1, 2, 3, None]}, "bbox: a value is None; it must be a number"),
        ({"bbox": None, "segmentation": {"counts": "abc", "size": [9, 9]}}, "no polygon"),
        ({"bbox": None, "segmentation": [[1, 2, "x", 4, 5, 6]]}, "no polygon"),
        ({"iscrowd": "maybe"}, "iscrowd is 'maybe'; a flag is 0 or 1"),
    ],
)
def test_annotations_that_cannot_be_read(tmp_path: Path, fields: dict, message: str) -> None:
    """One line that names the field; the check lists the annotation and goes on."""
    with pytest.raises(DataError, match=message):
        load(tmp_path, coco_object() | fields)
    faults = [problem for problem in check_dataset(tmp_path).problems if problem.kind == "unparsable"]
    assert [fault.object for fault in faults] == ["annotation 1"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("images", [value]) for value in (None, [], 3, {"id": None}, {"id": 1, "file_name": None}, {"id": []})],
        *[("images", [{"id": 1, "file_name": name}]) for name in ("a\0b", "", "x" * 5000, 7, "..", "/")],
        *[("images", [coco_image() | {"width": size}]) for size in (10**400, -1, "x", True, float("inf"))],
        *[("annotations", [value]) for value in (None, [], "x", {"image_id": 1}, coco_object(id=10**400))],
        *[("annotations", [coco_object(bbox=[1e308, 1, 1e308, 1])]), ("annotations", {}), ("annotations", None)],
        *[("categories", value) for value in (None, {}, [None], [{}], [{"id": []}], [{"id": 1, "name": {}}])],
        ("categories", [{"id": 1, "name": "a"}, {"id": "1", "name": "b"}]),
        ("images", None),
    ],
)
def test_hostile_values_are_one_line(tmp_path: Path, key: str, value: object) -> None:
    """Null, lists, huge numbers and odd names in every place: a MultiboxError of one line, or a data set."""
    document = {"images": [coco_image()], "annotations": [coco_object()], "categories": [{"id": 1, "name": "dog"}]}
    write_file(tmp_path / "annotations/instances_val.json", json.dumps(document | {key: value}))
    for function in (load_dataset, check_dataset):
        message = ""
        try:
            function(tmp_path)
        except MultiboxError as error:
            message = str(error)
        assert "\n" not in message


def test_many_categories(tmp_path: Path) -> None:
    """30,000 categories are read in linear time; more than the limit is one line."""
    categories = [{"id": number, "name": f"c{number}"} for number in range(1, 30_001)]
    assert len(load(tmp_path, coco_object(), categories=categories).class_names) == 30_000
    with pytest.raises(DataError, match="has 40,000 categories; at most 32,767 are read"):
        load(tmp_path, categories=[{"id": number} for number in range(40_000)])


def test_one_file_under_two_ids(tmp_path: Path) -> None:
    """The check counts images and objects as training does, and warns."""
    load(tmp_path, coco_object(1, 1), coco_object(2, 9), images=[coco_image(1), coco_image(9)])
    write_image(tmp_path / "a.jpg")
    result = check_dataset(tmp_path)
    data = load_dataset(tmp_path)
    assert (len(result.raw.records), sum(result.classes.values())) == (len(data), data.num_objects) == (2, 2)
    assert result.splits == {"a": 2}
    assert "has 2 ids in one file: 1, 9" in str(next(p for p in result.problems if p.kind == "duplicate_image"))


def test_images_of_fiftyone_and_other_machines(tmp_path: Path) -> None:
    """Images in `data` beside labels.json; backslashes, web addresses and folders of other machines, by their name."""
    write_image(*(tmp_path / f"data/{number}.jpg" for number in range(5)), tmp_path / "data/sub/5.jpg")
    names = ["0.jpg", "/content/ds/1.jpg", "https://host.example/x/2.jpg", "../../upload/1/3.jpg", "images\\4.jpg"]
    names.append("sub\\5.jpg")
    images = [coco_image(number, name) for number, name in enumerate(names)]
    write_file(tmp_path / "labels.json", coco_json(images, []))
    data = load_dataset(tmp_path)
    assert [example.image.is_file() for example in data] == [True] * 6
    assert check_dataset(tmp_path).raw.format == "coco"


def test_files_outside_the_data_set(tmp_path: Path) -> None:
    """Names that lead to files outside are left out with a warning, and read with the option."""
    write_image(tmp_path / "outside.jpg", tmp_path / "set/train/ok.jpg")
    images = [coco_image(1, "ok.jpg"), coco_image(2, "../../outside.jpg"), coco_image(3, str(tmp_path / "outside.jpg"))]
    write_file(tmp_path / "set/annotations/instances_train.json", coco_json(images, [coco_object(1, 1)]))
    data = load_dataset(tmp_path / "set")
    assert [example.image.name for example in data] == ["ok.jpg"]
    assert all("leads out of the data set; left out, --outside reads it" in line for line in data.problems)
    assert len(load_dataset(tmp_path / "set", outside=True)) == 3


def test_boxes_between_0_and_1(tmp_path: Path) -> None:
    """Boxes as shares of the image are refused, because they would be smaller than a pixel."""
    with pytest.raises(DataError, match="all boxes are between 0 and 1; COCO's are in pixels"):
        load(tmp_path, coco_object(bbox=[0.1, 0.2, 0.3, 0.4]))
