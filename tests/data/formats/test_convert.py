"""Converted data sets, read again, against the original data set."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.convert import convert
from multibox.data.formats.voc.source import read_voc
from multibox.data.load import load_dataset
from multibox.errors import UsageError
from multibox.size import Size
from shared_data import shared

NAMES = ("cup", "fork & knife", "it's")
WIDTH, HEIGHT = 640, 333


def example(path: Path, boxes: list[tuple[float, ...]], labels: list[int], flags: list[bool]) -> Example:
    return Example(
        image=path,
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array(labels, dtype=np.int64),
        difficult=np.array(flags, dtype=np.bool_),
        crowd=np.zeros(len(labels), dtype=np.bool_),
        id=path.stem,
        size=Size(HEIGHT, WIDTH),
    )


@st.composite
def box(draw: st.DrawFn) -> tuple[float, ...]:
    """Corners inside the image, whole numbers or not, wider than one pixel."""
    side = st.one_of(st.integers(0, 300), st.floats(0, 300, width=32)).map(float)
    extent = st.one_of(st.integers(2, 30), st.floats(1.25, 30, width=32)).map(float)
    x, y = draw(side), draw(side)
    return x, y, x + draw(extent), y + draw(extent)


objects = st.lists(st.tuples(box(), st.integers(0, 2), st.booleans()), min_size=1, max_size=5)


@given(rows=objects, to=st.sampled_from(["coco", "voc", "yolo"]))
@settings(max_examples=60, deadline=None)
def test_boxes_classes_and_flags_come_back(rows: list[tuple[tuple[float, ...], int, bool]], to: str) -> None:
    """Boxes agree to 1e-4 pixels (in COCO exactly), classes by name, and flags if the format has them."""
    boxes, labels, flags = (list(column) for column in zip(*rows, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        before = Dataset("d", NAMES, (example(Path(folder) / "a.jpg", boxes, labels, flags),))
        lines = convert(before, to=to, out=Path(folder) / "out", files="none")
        if to == "yolo":
            image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
            (Path(folder) / "out/images/train").mkdir(parents=True)
            cv2.imwrite(f"{folder}/out/images/train/a.jpg", image)
        after = load_dataset(Path(folder) / "out")
    np.testing.assert_allclose(after[0].boxes, before[0].boxes, atol=0 if to == "coco" else 1e-4)
    assert [after.class_names[label] for label in after[0].labels] == [NAMES[label] for label in labels]
    assert after[0].size == Size(HEIGHT, WIDTH)
    if to == "yolo":
        assert any("no such flag" in line for line in lines) == any(flags)
    else:
        assert after[0].difficult.tolist() == flags


@pytest.mark.parametrize("to", ["coco", "voc", "yolo"])
@pytest.mark.parametrize("name", ["bccd", "coco_tiny", "coco128_yolo"])
def test_real_data_there_and_back(tmp_path: Path, to: str, name: str) -> None:
    """Images, objects per class, boxes and pixels of a real data set after conversion with links."""
    source = load_dataset(shared(f"data/{name}"))
    first = sorted(source.examples[:12], key=lambda example: example.image.name)  # folders are read by name
    part = Dataset(source.name, source.class_names, tuple(first))
    convert({"train": part}, to=to, out=tmp_path / "out", files="link")
    options = {"class_names": part.class_names, "split": "train"}
    back = read_voc(tmp_path / "out", **options) if to == "voc" else load_dataset(tmp_path / "out")
    assert back.class_names == part.class_names
    for old, new in zip(part, back, strict=True):
        kept = old.keep(~old.crowd) if to == "yolo" else old
        assert new.image.resolve() == old.image.resolve()
        np.testing.assert_array_equal(new.labels, kept.labels)
        np.testing.assert_allclose(new.boxes, kept.boxes, atol=1e-4)


def test_losses_are_reported(tmp_path: Path) -> None:
    """Crowds, difficult flags, points, unused classes, class order, ids and missing images against their lines."""
    crowd = np.array([True, False])
    one = example(tmp_path / "p/a.jpg", [(4, 4, 5, 5), (1, 1, 9, 9)], [2, 0], [False, True])
    one = Example(one.image, one.boxes, one.labels, one.difficult, crowd, "77x", one.size)
    data = Dataset("d", ("b", "unused", "a"), (one,))
    voc, coco, yolo = (convert(data, to=to, out=tmp_path / to) for to in ("voc", "coco", "yolo"))
    expected = ["1 crowd became", "1 box of a single", "1 class without objects cannot be written: unused", "no order"]
    assert all(any(part in line for line in voc) for part in [*expected, "ids are file names", "1 image not found"])
    assert [line.split(";")[0] for line in coco] == ["image ids are numbers in COCO", voc[-1].split(";")[0]]
    assert [line.split(";")[0] for line in yolo][:2] == ["1 crowd left out", "1 difficult object became ordinary ones"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that is not empty, an unknown format and splits with different classes are refused."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    data, other = Dataset("d", ("a",), ()), Dataset("d", ("b",), ())
    with pytest.raises(UsageError, match="full exists and is not empty; give a new folder"):
        convert(data, to="coco", out=tmp_path / "full")
    with pytest.raises(UsageError, match="format 'tfrecord' cannot be written; choose one of voc, coco, yolo"):
        convert(data, to="tfrecord", out=tmp_path / "new")
    with pytest.raises(UsageError, match="the splits a, b have different classes"):
        convert({"a": data, "b": other}, to="coco", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_equal_names_stay_apart(tmp_path: Path) -> None:
    """Two images with one name in two folders against two written images, in every format."""
    for folder, value in (("p", 10), ("q", 200)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "a.png"), np.full((HEIGHT, WIDTH, 3), value, dtype=np.uint8))
    pair = tuple(example(tmp_path / folder / "a.png", [(1, 1, 9, 9)], [0], [False]) for folder in "pq")
    for to in ("coco", "voc", "yolo"):
        convert(Dataset("d", ("a",), pair), to=to, out=tmp_path / to)
        back = load_dataset(tmp_path / to)
        assert [int(cv2.imread(str(entry.image))[0, 0, 0]) for entry in back] == [10, 200]
