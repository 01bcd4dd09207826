"""Labels for people to correct: each format against a plain reader, and data sets against this package's loader."""

import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from multibox.data.load import load_dataset
from multibox.detection.output.formats import find_format, record_file, written_to
from multibox.detection.output.record import Record
from multibox.detections import Detections
from multibox.errors import UsageError
from multibox.size import Size
from tiny_detector import noise_image, write_image

NAMES = ("disc", 'a "b" & <c>', "star")


def found(count: int) -> Detections:
    corners = np.array([[2.25, 3, 20.5, 30], [0, 0, 10, 10], [5, 5, 60, 40]], dtype=np.float32)[:count]
    scores = np.array([0.9, 0.5, 0.25], dtype=np.float32)[:count]
    return Detections(corners, scores, np.array([2, 0, 1])[:count], NAMES, Size(48, 64))


def text_of(name: str, *records: Record) -> str:
    file = io.StringIO()
    with written_to(file, find_format(name), NAMES) as writer:
        for record in records:
            writer.add(record)
    return file.getvalue()


def test_tasks_of_label_studio():
    """Addresses, percentages and scores of tasks against the detections; no record is an empty list."""
    records = (Record("photos/ä b.jpg", found(3)), Record("/data/c.jpg", found(0)), Record("s3://b/d.jpg", found(1)))
    tasks = json.loads(text_of("labelstudio", *records))
    assert [task["data"]["image"] for task in tasks] == [
        "/data/local-files/?d=photos/%C3%A4%20b.jpg",
        "/data/local-files/?d=data/c.jpg",
        "s3://b/d.jpg",
    ]
    (one,) = tasks[0]["predictions"]
    assert one["score"] == pytest.approx(0.9)
    assert [row["value"]["rectanglelabels"] for row in one["result"]] == [["star"], ["disc"], ['a "b" & <c>']]
    value = one["result"][0]["value"]
    assert [value[key] for key in ("x", "y", "width", "height")] == pytest.approx(
        [100 * 2.25 / 64, 100 * 3 / 48, 100 * 18.25 / 64, 100 * 27 / 48], abs=1e-3
    )
    assert (one["result"][0]["original_width"], one["result"][0]["original_height"]) == (64, 48)
    assert tasks[1]["predictions"] == [{"result": [], "score": 0.0, "model_version": "multibox"}]
    assert json.loads(text_of("labelstudio")) == []


def test_images_of_cvat():
    """Elements as an XML parser reads them against the detections; odd names survive."""
    records = (Record("photos/a.jpg", found(3)), Record('b"<\n.jpg', found(0)))
    root = ElementTree.fromstring(text_of("cvat", *records))
    assert root.findtext("version") == "1.1"
    assert [name.text for name in root.iterfind("meta/task/labels/label/name")] == list(NAMES)
    images = root.findall("image")
    assert [(one.get("id"), one.get("name")) for one in images] == [("0", "a.jpg"), ("1", 'b"<\\u000a.jpg')]
    assert (images[0].get("width"), images[0].get("height")) == ("64", "48")
    boxes = [[float(box.get(side, "nan")) for side in ("xtl", "ytl", "xbr", "ybr")] for box in images[0]]
    np.testing.assert_allclose(boxes, found(3).boxes, atol=0.005)
    assert [box.get("label") for box in images[0]] == ["star", "disc", 'a "b" & <c>']


@pytest.mark.parametrize("name", ["voc", "yolo"])
def test_data_sets_can_be_loaded(tmp_path: Path, name: str):
    """Images, boxes and classes of the folder, as `load_dataset` reads it, against the detections."""
    image = noise_image(seed=1, width=64, height=48)
    images = [write_image(tmp_path / "in" / place, image) for place in ("a.jpg", "b/a.jpg")]
    out = tmp_path / "out" / "detections"
    with record_file(out, find_format(name), NAMES) as writer:
        writer.add(Record(str(images[0]), found(3)))
        writer.add(Record(str(images[1]), found(1)))
    dataset = load_dataset(out, split="train")
    assert [example.image.stem for example in dataset] == ["a", "a_2"]
    assert dataset[1].image.resolve() == images[1]
    for example, count in zip(dataset, (3, 1), strict=True):
        expected = found(count)
        rows = zip(example.labels, example.boxes, strict=True)
        ours = {(dataset.class_names[label], *np.round(box, 1)) for label, box in rows}
        assert ours == {(label, *np.round(box, 1)) for box, _, label in expected}


def test_a_folder_that_is_not_empty_stays(tmp_path: Path):
    """An existing file in the folder against UsageError; nothing else is written."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"), record_file(tmp_path / "out", find_format("voc"), NAMES):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.txt"]


def test_an_interrupted_folder_does_not_appear(tmp_path: Path):
    """An error on the way against no folder."""
    with pytest.raises(KeyError), record_file(tmp_path / "out", find_format("yolo"), NAMES):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
