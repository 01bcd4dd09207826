"""Finds the splits that the paper's experiments need below one folder, and thins them out for a rehearsal."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.formats.recognize import FORMATS, recognize
from multibox.errors import DataError

MIN_IMAGES = 8  # of a rehearsal

_FINDERS = {form.name: form.find for form in FORMATS}
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
    return next((place for place in _places(family, root) if _FINDERS[family](place)), None)


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
    source = _FINDERS[family](folder) or recognize(folder)
    return source.count_images(split)


def thinned(dataset: Dataset, share: float) -> Dataset:
    """Keep evenly spaced images, about `share` of them, at least MIN_IMAGES."""
    count = min(len(dataset), max(MIN_IMAGES, round(len(dataset) * share)))
    if count == len(dataset):
        return dataset
    examples = tuple(dataset[k * len(dataset) // count] for k in range(count))
    return replace(dataset, name=f"{dataset.name} ({count} of {len(dataset)})", examples=examples)
