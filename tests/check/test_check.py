"""Data checks: every problem of a broken data set is reported; real data sets against known facts."""

import json
import struct
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.check.check import CheckResult, check_dataset
from multibox.check.loaded import check_loaded
from multibox.data.dataset import Dataset
from multibox.data.formats.problem import Problem
from multibox.data.load import load_dataset
from multibox.errors import DataError
from multibox.priors import SPECS
from shared_data import shared

WIDTH, HEIGHT = 120, 80


def draw(path: Path, seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", pixels)[1].tobytes()
    path.write_bytes(data)
    return data


def with_orientation(data: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF segment that contains only the orientation."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def xml(path: Path, *objects: str, width: int = WIDTH, height: int = HEIGHT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    path.write_text(f"<annotation>{size}{''.join(objects)}</annotation>")


def thing(name: str, x1: float, y1: float, x2: float, y2: float, *, difficult: int = 0) -> str:
    box = f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
    return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{box}</bndbox></object>"


def place(problem: Problem) -> tuple[str, str, str | None]:
    return problem.kind, Path(problem.file).name, problem.object


def places(result: CheckResult) -> set[tuple[str, str, str | None]]:
    return {place(problem) for problem in result.problems}


@pytest.fixture
def broken_voc(tmp_path: Path) -> Path:
    """A VOC data set with one image for each problem."""
    root = tmp_path / "broken"
    objects = {
        "boxes": [
            thing("cup", 5, 5, 5, 5),
            thing("cup", 50, 50, 40, 60),
            thing("cup", 200, 5, 220, 30),
            thing("cup", 100, 60, 130, 79),
            thing("cup", 1, 1, 120, 80),
            thing("cup", "nan", 5, 20, 30),  # type: ignore[arg-type]
        ],
        "twice": [thing("cup", 10, 10, 60, 60), thing("cup", 10, 10, 60, 60), thing("Cup", 10, 10, 60, 60)],
        "hard": [thing("cup", 10, 10, 60, 60, difficult=1)],
        "speck": [thing("cup", 10, 10, 11, 11)],
        "empty": [],
        "turned": [thing("cup", 10, 10, 60, 60)],
        "mirrored": [thing("cup", 10, 10, 60, 60)],
        "size": [thing("cup", 10, 10, 60, 60)],
        "cut": [thing("cup", 10, 10, 60, 60)],
        "gone": [thing("cup", 10, 10, 60, 60)],
        "text": [thing("cup", 10, 10, 60, 60)],
        "zero": [thing("cup", 0, 0, 60, 60)],
        "same": [thing("cup", 10, 10, 60, 60)],
        "leak": [thing("cup", 10, 10, 60, 60)],
        "nosize": [thing("cup", 10, 10, 60, 60)],
    }
    data = {name: draw(root / f"JPEGImages/{name}.jpg", seed) for seed, name in enumerate(objects)}
    for name, items in objects.items():
        xml(root / f"Annotations/{name}.xml", *items, **({"width": 0} if name == "nosize" else {}))
    xml(root / "Annotations/size.xml", *objects["size"], width=WIDTH + 1)
    images = root / "JPEGImages"
    (images / "turned.jpg").write_bytes(with_orientation(data["turned"], 6))
    (images / "mirrored.jpg").write_bytes(with_orientation(data["mirrored"], 2))
    (images / "cut.jpg").write_bytes(data["cut"][: len(data["cut"]) // 2])
    (images / "text.jpg").write_text("<html>not found</html>")
    (images / "gone.jpg").unlink()
    (images / "same.jpg").write_bytes(data["speck"])
    (images / "leak.jpg").write_bytes(data["speck"])
    draw(images / "unlabeled.jpg", 99)
    (root / "Annotations/mess.xml").write_text("<annotation><object>")
    lists = root / "ImageSets/Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("".join(f"{name}\n" for name in objects if name != "leak") + "mess\nabsent\n")
    (lists / "test.txt").write_text("leak\nhard\n")
    return root


def test_everything_broken_is_named(broken_voc: Path) -> None:
    """Every kind of problem that a VOC data set can have, with its file and object; nothing else is an error."""
    result = check_dataset(broken_voc, priors=SPECS["ssd300-voc"])
    expected = {
        ("degenerate", "boxes.xml", "object 1 (cup)"),
        ("inverted", "boxes.xml", "object 2 (cup)"),
        ("outside", "boxes.xml", "object 3 (cup)"),
        ("outside", "boxes.xml", "object 4 (cup)"),
        ("covers_everything", "boxes.xml", "object 5 (cup)"),
        ("not_finite", "boxes.xml", "object 6 (cup)"),
        ("duplicate_object", "twice.xml", "object 2 (cup)"),
        ("two_classes", "twice.xml", "object 3 (Cup)"),
        ("class_variants", "broken", None),
        ("all_difficult", "hard.xml", None),
        ("too_small", "speck.xml", "object 1 (cup)"),
        ("empty", "empty.xml", None),
        ("exif_rotation", "turned.xml", None),
        ("exif_rotation", "mirrored.xml", None),
        ("size_mismatch", "size.xml", None),
        ("undecodable", "cut.jpg", None),
        ("undecodable", "text.jpg", None),
        ("missing_image", "gone.jpg", None),
        ("zero_based", "broken", None),
        ("duplicate_image", "same.jpg", None),
        ("duplicate_across_splits", "speck.jpg", None),
        ("split_overlap", "broken", None),
        ("missing_labels", "unlabeled.jpg", None),
        ("missing_labels", "absent.xml", None),
        ("missing_size", "nosize.xml", None),
        ("unparsable", "mess.xml", None),
        ("few_objects", "broken", None),
    }
    assert places(result) == expected
    assert not result.ok
    errors = {place(problem)[:2] for problem in result.problems if problem.severity == "error"}
    assert errors == {
        ("inverted", "boxes.xml"),
        ("outside", "boxes.xml"),
        ("not_finite", "boxes.xml"),
        ("class_variants", "broken"),
        ("exif_rotation", "turned.xml"),
        ("size_mismatch", "size.xml"),
        ("undecodable", "cut.jpg"),
        ("undecodable", "text.jpg"),
        ("missing_image", "gone.jpg"),
        ("missing_labels", "absent.xml"),
        ("unparsable", "mess.xml"),
    }
    assert result.splits == {"train": 14, "test": 2}


def test_json_document(broken_voc: Path) -> None:
    """The document is JSON with the keys that programs rely on."""
    document = json.loads(json.dumps(check_dataset(broken_voc, priors=SPECS["ssd300-voc"]).to_json()))
    assert document["ok"] is False
    assert (document["images"], document["objects"]) == (15, 21)
    assert document["classes"] == {"Cup": 1, "cup": 20}
    assert set(document["problems"][0]) == {"kind", "severity", "file", "object", "message"}
    assert document["coverage"]["priors"] == 8732
    assert set(document["coverage"]["classes"]["cup"]) == {
        "objects",
        "overlap_50",
        "overlap_70",
        "matched",
        "positives",
    }


def test_broken_yolo_and_coco(tmp_path: Path) -> None:
    """Numbers beyond the names, labels without image, annotations of unknown images and categories."""
    yolo = tmp_path / "yolo"
    draw(yolo / "images/a.jpg", 1)
    draw(yolo / "images/b.jpg", 2)
    (yolo / "labels").mkdir()
    (yolo / "labels/a.txt").write_text("0 .5 .5 .5 .5\n5 .5 .5 .2 .2\n0 .5 .5\n")
    (yolo / "labels/c.txt").write_text("0 .5 .5 .5 .5\n")
    (yolo / "data.yaml").write_text("train: images\nval: nowhere\nnames: [cup, fork]\n")
    found = places(check_dataset(yolo))
    assert ("class_out_of_range", "a.txt", "line 2 (5)") in found
    assert ("unparsable", "a.txt", "line 3") in found
    assert ("missing_image", "c.txt", None) in found
    assert ("missing_labels", "b.jpg", None) in found
    assert ("unreadable_split", "val", None) in found
    assert ("unused_class", "yolo", None) in found

    images = [{"id": 1, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT}]
    rows = [(1, 1, 3), (2, 1, 4), (3, 9, 3)]
    notes = [{"id": i, "image_id": image, "category_id": c, "bbox": [1, 1, 50, 50]} for i, image, c in rows]
    document = {"images": images, "annotations": notes, "categories": [{"id": 3, "name": "cup"}]}
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco/train.json").write_text(json.dumps(document))
    draw(tmp_path / "coco/a.jpg", 1)
    found = places(check_dataset(tmp_path / "coco"))
    assert ("unknown_class", "a.jpg", "annotation 2 (4)") in found
    assert ("unknown_image", "train.json", "annotation 3") in found


def test_bccd() -> None:
    """The two degenerate boxes are named, and no other problem of a file or an object; counts as in its description."""
    result = check_dataset(shared("data/bccd"))
    assert {place(problem) for problem in result.problems} == {
        ("degenerate", "BloodImage_00338.xml", "object 13 (RBC)"),
        ("degenerate", "BloodImage_00343.xml", "object 4 (RBC)"),
    }
    assert result.ok
    assert result.splits == {"train": 205, "val": 87, "test": 72, "trainval": 292}
    assert sum(result.classes.values()) == 4888


def test_coco128() -> None:
    """The two images without labels and the two label files without an image, as found by comparing names."""
    root = shared("data/coco128_yolo")
    images = {path.stem for path in (root / "images").iterdir()}
    labels = {path.stem for path in (root / "labels").iterdir()}
    result = check_dataset(root)
    named = {
        kind: {Path(p.file).stem for p in result.problems if p.kind == kind}
        for kind in ("missing_labels", "missing_image")
    }
    assert named == {"missing_labels": images - labels, "missing_image": labels - images}
    assert {len(names) for names in named.values()} == {2}
    assert result.ok


def test_too_small_names_the_smallest_of_its_class() -> None:
    """The object named is of the class that the message is about, and has the smallest area in the label files."""
    root = shared("data/coco128_yolo")
    result = check_dataset(root, split="train", priors=SPECS["ssd300-voc"])
    names = {name: label for label, name in enumerate(result.raw.class_names)}
    small = [problem for problem in result.problems if problem.kind == "too_small"]
    assert len(small) > 20
    images = {path.stem for path in (root / "images").iterdir()}
    texts = [path.read_text() for path in (root / "labels").iterdir() if path.stem in images]
    rows = [line.split() for text in texts for line in text.splitlines() if line]
    for problem in small:
        number, name = str(problem.object).removeprefix("line ").rstrip(")").split(" (")
        assert f"of class {name} (" in problem.message
        row = Path(problem.file).read_text().splitlines()[int(number) - 1].split()
        areas = [float(width) * float(height) for label, _, _, width, height in rows if int(label) == names[name]]
        assert float(row[3]) * float(row[4]) == pytest.approx(min(areas), rel=1e-3)


def test_one_split(broken_voc: Path) -> None:
    """With a split, only its images are checked; an unknown split is an error."""
    result = check_dataset(broken_voc, split="test")
    assert len(result.raw.records) == 2
    assert Counter(problem.kind for problem in result.problems)["missing_image"] == 0
    with pytest.raises(DataError, match="split 'val' does not exist"):
        check_dataset(broken_voc, split="val")
    with pytest.raises(DataError, match="does not exist; give the folder"):
        check_dataset(broken_voc / "nowhere")


def test_check_of_a_loaded_data_set(tmp_path: Path) -> None:
    """Missing images, empty and all-difficult ones, skipped entries, class counts: without decoding."""
    xml(tmp_path / "Annotations/a.xml", thing("cup", 5, 5, 9, 9, difficult=1), thing("cup", 5, 5, 5, 5))
    xml(tmp_path / "Annotations/b.xml")
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "JPEGImages/a.jpg").write_text("never opened")
    problems = check_loaded(load_dataset(tmp_path))
    assert {(problem.kind, problem.severity, Path(problem.file).name) for problem in problems} == {
        ("missing_image", "error", "b.jpg"),
        ("empty", "note", "b.jpg"),
        ("all_difficult", "note", "a.jpg"),
        ("skipped_entries", "warning", f"{tmp_path.name} all"),
        ("few_objects", "warning", f"{tmp_path.name} all"),
    }
    assert [problem.kind for problem in check_loaded(Dataset("d", ("a",), ()))] == ["no_objects"]


def test_check_of_a_data_set_made_by_hand() -> None:
    """Labels beyond the classes, boxes without extent and equal ids, which no reader returns."""
    good = load_dataset(shared("data/coco128_yolo"))
    bad = Dataset("d", good.class_names[:1], (good[0], good[0]))
    kinds = {problem.kind for problem in check_loaded(bad) if problem.severity == "error"}
    assert kinds >= {"duplicate_id", "class_out_of_range"}
