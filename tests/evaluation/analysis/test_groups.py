"""Groups of classes: VOC's against the paper's own counts, COCO's from its file, and groups from a file."""

import json
from pathlib import Path

import numpy as np
import pytest

from multibox.errors import DataError, UsageError
from multibox.evaluation.analysis.groups import find_groups, voc_groups
from shared_data import shared

# objects of the VOC2007 test set that are not difficult, as the challenge's statistics list them
VOC07_TEST = {
    "aeroplane": 285,
    "bicycle": 337,
    "bird": 459,
    "boat": 263,
    "bottle": 469,
    "bus": 213,
    "car": 1201,
    "cat": 358,
    "chair": 756,
    "cow": 244,
    "diningtable": 206,
    "dog": 489,
    "horse": 348,
    "motorbike": 325,
    "person": 4528,
    "pottedplant": 480,
    "sheep": 242,
    "sofa": 239,
    "train": 282,
    "tvmonitor": 308,
}
VOC = tuple(VOC07_TEST)


def test_the_shown_groups_have_the_papers_mean_counts() -> None:
    """Mean objects of a class in each group against the labels of SSD's Figure 3: x357, x415, x400."""
    means = {
        name: round(np.mean([VOC07_TEST[member] for member in members]))
        for name, members in voc_groups(VOC).shown.items()
    }
    assert means == {"animals": 357, "vehicles": 415, "furniture": 400}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("cat", "dog", True),
        ("cat", "person", True),
        ("bird", "aeroplane", True),
        ("bicycle", "motorbike", True),
        ("chair", "sofa", True),
        ("cat", "cat", False),
        ("bottle", "pottedplant", False),
        ("train", "sofa", False),
    ],
)
def test_similar_classes_of_voc(a: str, b: str, expected: bool) -> None:
    """Pairs against the sentence of Hoiem et al., section 3.1."""
    table = find_groups(VOC).similar(VOC)
    assert table[VOC.index(a), VOC.index(b)] == table[VOC.index(b), VOC.index(a)] == expected


def test_some_classes_of_voc_keep_their_groups() -> None:
    """Cat, dog and car against two groups; the group without members is left out."""
    assert find_groups(("cat", "car", "dog")).shown == {"animals": ("cat", "dog"), "vehicles": ("car",)}


def test_other_classes_have_no_groups() -> None:
    """Classes other than VOC's have no group, and the origin says what to do."""
    groups = find_groups(("RBC", "WBC"))
    assert (groups.shown, groups.similar(("RBC", "WBC")).any()) == ({}, False)
    assert "--groups" in groups.origin


def write_coco(folder: Path, supercategories: list[str | None]) -> Path:
    entries = [
        {"id": number, "name": f"c{number}"} | ({} if title is None else {"supercategory": title})
        for number, title in enumerate(supercategories)
    ]
    path = folder / "instances_val.json"
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": entries}))
    return path


def test_supercategories_of_a_coco_file(tmp_path: Path) -> None:
    """Classes by supercategory; a class without one, or with "none", is in no group."""
    path = write_coco(tmp_path, ["animal", "tool", "animal", None, "none"])
    groups = find_groups(tuple(f"c{n}" for n in range(5)), data=path)
    assert groups.shown == groups.alike == {"animal": ("c0", "c2"), "tool": ("c1",)}


def test_one_supercategory_for_all_is_none(tmp_path: Path) -> None:
    """A single supercategory for every class, as export programs write it, makes no group."""
    assert find_groups(("c0", "c1"), data=write_coco(tmp_path, ["objects", "objects"])).shown == {}


def test_supercategories_of_coco() -> None:
    """The twelve supercategories of the real annotation file."""
    path = shared("data/coco_tiny")
    names = ("person", "bicycle", "car", "zebra", "giraffe")
    groups = find_groups(names, data=path)
    assert groups.shown == {"person": ("person",), "vehicle": ("bicycle", "car"), "animal": ("zebra", "giraffe")}


def test_a_file_of_groups(tmp_path: Path) -> None:
    """Groups from a file take precedence over those of the data."""
    path = tmp_path / "groups.json"
    path.write_text('{"pets": ["cat", "dog"], "gray": ["cat", "car"]}')
    groups = find_groups(("cat", "dog", "car"), file=path)
    assert groups.shown == {"pets": ("cat", "dog"), "gray": ("cat", "car")}
    assert groups.similar(("cat", "dog", "car")).tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", DataError, "not JSON"),
        ("[]", DataError, "not of the form"),
        ('{"pets": "cat"}', DataError, "not of the form"),
        ('{"pets": []}', DataError, "not of the form"),
        ('{"pets": ["cat", "lynx"]}', UsageError, "class 'lynx' does not exist in the data; it has cat, dog"),
    ],
)
def test_wrong_files_of_groups(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    """One line that names the file and the mistake."""
    path = tmp_path / "groups.json"
    path.write_text(text)
    with pytest.raises(error, match=rf"groups\.json:? [^\n]*{message}"):
        find_groups(("cat", "dog"), file=path)


def test_a_file_of_groups_that_is_not_there(tmp_path: Path) -> None:
    """The error names the path."""
    with pytest.raises(DataError, match=r"nothing\.json cannot be read"):
        find_groups(("cat",), file=tmp_path / "nothing.json")
