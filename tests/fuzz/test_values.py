"""Any values in the places of annotation files: a data set, or an error of one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import seeds
from multibox.data.load import load_dataset
from multibox.errors import MultiboxError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner))
COCO_PLACES = st.sampled_from(
    [("images", key) for key in ("id", "file_name", "width", "height")]
    + [("categories", key) for key in ("id", "name")]
    + [("annotations", key) for key in ("id", "image_id", "category_id", "bbox", "segmentation", "area", "iscrowd")]
)
NUMBERS = st.lists(st.floats() | st.integers() | st.text(max_size=4), max_size=12)


def write(files: seeds.Files, root: Path) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def read(root: Path) -> None:
    """Load the data set; boxes that are accepted are finite."""
    fault = ""
    try:
        examples = tuple(load_dataset(root, split="all"))
    except MultiboxError as error:
        fault, examples = str(error), ()
    assert "\n" not in fault
    assert all(np.isfinite(example.boxes).all() for example in examples)


@settings(max_examples=40)
@given(place=COCO_PLACES, value=VALUES)
def test_values_in_coco(place: tuple[str, str], value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One value of a COCO file replaced by any JSON."""
    root = write(seeds.coco(), tmp_path_factory.mktemp("coco"))
    path = root / "annotations/instances_train.json"
    document = json.loads(path.read_text())
    document[place[0]][-1][place[1]] = value
    path.write_text(json.dumps(document))
    read(root)


@settings(max_examples=40)
@given(numbers=NUMBERS)
def test_values_in_yolo(numbers: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """A line of a YOLO label file with any numbers and words."""
    root = write(seeds.yolo(), tmp_path_factory.mktemp("yolo"))
    (root / "labels/train/a.txt").write_bytes(" ".join(map(str, numbers)).encode(errors="surrogatepass"))
    read(root)
