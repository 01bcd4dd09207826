"""Finds the splits that the paper's experiments need below one folder, and thins them out for a rehearsal."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.formats.coco.layout import find_coco
from multibox.data.formats.ilsvrc import find_ilsvrc, ilsvrc_splits
from multibox.data.formats.recognize import recognize
from multibox.data.formats.voc.layout import choose, find_voc
from multibox.errors import DataError
from multibox.words import listed

MIN_IMAGES = 8  # of a rehearsal

_COCO_FILES = {"trainval35k": "train2017", "minival": "val2017"}
_EXPECTED = {
    "voc": "VOC (VOCdevkit, or VOC2007 and VOC2012)",
    "coco": "COCO (annotations/instances_*.json, here or in coco)",
    "ilsvrc": "ILSVRC DET (Annotations/DET, here or in ILSVRC)",
}


@dataclass(frozen=True)
class NeededSplit:
    """A split of a data set that an experiment needs; `problem` says why it is missing, None if it was found.

    `images` is None if counting them would take long.
    """

    family: str
    split: str
    folder: Path | None
    images: int | None
    problem: str | None


def find_split(family: str, split: str, root: Path, *, any_family: bool = False) -> NeededSplit:
    """Find the split without reading images or large files; with `any_family`, `root` may be a data set of any kind."""
    folder = find_folder(family, root) or (root if any_family and _is_data_set(root) else None)
    if folder is None:
        return NeededSplit(family, split, None, None, f"{root} holds no {_EXPECTED[family]}")
    try:
        return NeededSplit(family, split, folder, _count(family, split, folder), None)
    except DataError as error:
        return NeededSplit(family, split, folder, None, str(error))


def find_folder(family: str, root: Path) -> Path | None:
    """Return the data set of that family at `root` or in a folder of its name; None if there is none."""
    finders = {"voc": find_voc, "coco": find_coco, "ilsvrc": find_ilsvrc}
    return next((place for place in _places(family, root) if finders[family](place)), None)


def _is_data_set(root: Path) -> bool:
    try:
        recognize(root)
    except (DataError, OSError):
        return False
    return True


def _places(family: str, root: Path) -> Iterator[Path]:
    yield from (place for place in (root, root / family, root / family.upper()) if place.is_dir())


def _count(family: str, split: str, folder: Path) -> int | None:
    """Return the number of images if a list tells it, else None; DataError if the split does not exist."""
    if folders := find_voc(folder):
        return sum(len(ids) for _, ids in choose(folders, split, folder))
    names = list(find_coco(folder)) if family == "coco" else None
    if family == "ilsvrc" and (home := find_ilsvrc(folder)):
        names = ilsvrc_splits(home)
    names = recognize(folder).splits() if names is None else names
    for part in split.split("+"):
        if not {part, _COCO_FILES.get(part, part)} & set(names) and not _has_list(folder, part):
            raise DataError(f"split {part!r} does not exist in {folder}; it has {listed(names)}")
    return None


def _has_list(folder: Path, split: str) -> bool:
    return (folder / "annotations" / f"{split}.txt").is_file()


def thinned(dataset: Dataset, share: float) -> Dataset:
    """Keep evenly spaced images, about `share` of them, at least MIN_IMAGES."""
    count = min(len(dataset), max(MIN_IMAGES, round(len(dataset) * share)))
    if count == len(dataset):
        return dataset
    examples = tuple(dataset[k * len(dataset) // count] for k in range(count))
    return replace(dataset, name=f"{dataset.name} ({count} of {len(dataset)})", examples=examples)
