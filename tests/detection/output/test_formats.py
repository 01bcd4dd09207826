"""Detections in each format against plain readers: json, csv, and this package's reader of COCO data sets."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from multibox.data.load import load_dataset
from multibox.detection.output.crops import cut_out, write_crops
from multibox.detection.output.formats import FORMATS, find_format, record_file, written_to
from multibox.detection.output.record import Record
from multibox.detection.output.selection import labels_of
from multibox.detections import Detections
from multibox.errors import UsageError
from multibox.images.decode import read_image
from multibox.size import Size
from tiny_detector import noise_image, write_image

NAMES = ("disc", 'a "b", c', "star")


def found(count: int, *, tracks: tuple[int, ...] | None = None) -> Detections:
    corners = np.array([[2.25, 3, 20.5, 30], [0, 0, 10, 10], [5, 5, 60, 40]], dtype=np.float32)[:count]
    scores = np.array([0.9, 0.5, 0.25], dtype=np.float32)[:count]
    ids = np.array(tracks or (-1,) * count, dtype=np.int64)[:count]
    return Detections(corners, scores, np.array([2, 0, 1])[:count], NAMES, Size(48, 64), tracks=ids)


RECORDS = (
    Record("a.jpg", found(3)),
    Record("ä\n.jpg", found(0)),
    Record("v.mp4", found(2, tracks=(7, -1)), index=12, time=0.48, extra={"counts": {"line": 3}}),
)


def text_of(name: str, records: tuple[Record, ...] = RECORDS) -> str:
    file = io.StringIO()
    with written_to(file, find_format(name), NAMES) as writer:
        for record in records:
            writer.add(record)
    return file.getvalue()


def test_json_lines():
    """One object a line against the records: places, boxes, scores, names, tracks and what is added."""
    lines = [json.loads(line) for line in text_of("jsonl").splitlines()]
    assert [line["image"] for line in lines] == ["a.jpg", "ä\n.jpg", "v.mp4"]
    assert list(lines[2]) == ["index", "time", "image", "width", "height", "detections", "counts"]
    assert (lines[2]["index"], lines[2]["time"], lines[2]["counts"]) == (12, 0.48, {"line": 3})
    assert lines[2]["detections"][0] == {
        "box": [2.25, 3, 20.5, 30],
        "score": 0.9,
        "label": 2,
        "name": "star",
        "track": 7,
    }
    assert "track" not in lines[2]["detections"][1]
    assert [len(line["detections"]) for line in lines] == [3, 0, 2]


def test_comma_separated_values():
    """Rows as Python's csv module reads them against the records; names with commas and quotes survive."""
    rows = list(csv.DictReader(io.StringIO(text_of("csv"))))
    assert [(row["image"], row["name"], row["index"], row["track"]) for row in rows] == [
        ("a.jpg", "star", "", ""),
        ("a.jpg", "disc", "", ""),
        ("a.jpg", 'a "b", c', "", ""),
        ("v.mp4", "star", "12", "7"),
        ("v.mp4", "disc", "12", ""),
    ]
    assert [float(rows[0][key]) for key in ("x1", "y1", "x2", "y2", "score")] == [2.25, 3, 20.5, 30, 0.9]


def test_coco_is_a_data_set(tmp_path: Path):
    """The document as this package reads COCO annotation files against the detections of the images."""
    for name in ("a.jpg", "b.jpg"):
        write_image(tmp_path / "images" / name, noise_image(seed=1, width=64, height=48))
    (tmp_path / "annotations").mkdir()
    text = text_of("coco", (Record("a.jpg", found(3)), Record("b.jpg", found(2))))
    (tmp_path / "annotations" / "instances_images.json").write_text(text, "utf-8")
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == NAMES
    first = next(example for example in dataset if example.image.name == "a.jpg")
    np.testing.assert_allclose(first.boxes, found(3).boxes, atol=0.01)
    np.testing.assert_array_equal(first.labels, found(3).labels)


def test_coco_has_frames_and_tracks():
    """Entries of a frame against its index, time and track; a document without images is complete too."""
    document = json.loads(text_of("coco"))
    assert document["images"][2] == {
        "id": 3,
        "file_name": "v.mp4",
        "width": 64,
        "height": 48,
        "frame_index": 12,
        "time": 0.48,
    }
    assert [a["image_id"] for a in document["annotations"]] == [1, 1, 1, 3, 3]
    assert [a.get("track_id") for a in document["annotations"]] == [None, None, None, 7, None]
    assert document["annotations"][0]["bbox"] == [2.25, 3, 18.25, 27]
    assert json.loads(text_of("coco", ()))["images"] == []


@pytest.mark.parametrize("form", [one for one in FORMATS if not one.folder], ids=lambda form: form.name)
def test_files_hold_what_streams_hold(tmp_path: Path, form):
    """A file of each format against the same text; a growing file has its records while it is open."""
    path = tmp_path / "new" / f"a{form.suffix}"
    with record_file(path, form, NAMES) as writer:
        for record in RECORDS:
            writer.add(record)
        assert path.exists() == form.grows
        if form.grows:
            assert path.read_text("utf-8").count("\n") >= len(RECORDS)
    expected = text_of(form.name)
    if form.name == "jsonl":
        text = path.read_text("utf-8")
        assert [json.loads(line) for line in text.splitlines()] == [json.loads(line) for line in expected.splitlines()]
    else:
        assert path.read_text("utf-8") == expected


def test_a_file_that_does_not_grow_is_whole_or_absent(tmp_path: Path):
    """An exception while a COCO document is written against an empty folder."""

    def fail() -> None:
        with record_file(tmp_path / "a.json", find_format("coco"), NAMES) as writer:
            writer.add(RECORDS[0])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_kept_bytes_stay(tmp_path: Path):
    """Lines appended after the first of two against the first line and the new one."""
    path = tmp_path / "a.jsonl"
    with record_file(path, find_format("jsonl"), NAMES) as writer:
        writer.add(RECORDS[0])
        writer.add(RECORDS[1])
    first = path.read_bytes().splitlines(keepends=True)[0]
    with record_file(path, find_format("jsonl"), NAMES, kept=len(first)) as writer:
        writer.add(RECORDS[2])
    assert [json.loads(line)["image"] for line in path.read_text("utf-8").splitlines()] == ["a.jpg", "v.mp4"]
    assert path.read_bytes().startswith(first)


def test_crops_are_the_pixels_of_the_boxes(tmp_path: Path):
    """Cut-outs against slices of the image; class names become folder names."""
    image = noise_image(seed=3, width=64, height=48)
    assert write_crops(tmp_path, "a", image, found(3)) == 3
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.jpg"))
    assert files == ["crops/a-b-c/a-3.jpg", "crops/disc/a-2.jpg", "crops/star/a-1.jpg"]
    np.testing.assert_array_equal(cut_out(image, found(1).boxes[0]), image[3:30, 2:21])
    assert read_image(tmp_path / files[2]).shape == (27, 19, 3)
    assert cut_out(image, np.array([64, 48, 64, 48], dtype=np.float32)).shape == (1, 1, 3)


def test_labels_of_classes():
    """Names against their labels; an unknown name lists the known ones."""
    assert labels_of(["star", "disc"], NAMES) == {0, 2}
    assert labels_of(None, NAMES) is None
    with pytest.raises(UsageError, match="'cat' is not a class of this detector: choose from disc"):
        labels_of(["cat"], NAMES)
