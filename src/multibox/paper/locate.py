"""Where the data of the paper's experiments lie below one folder, and which part of them a rehearsal takes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.formats.coco.layout import find_coco
from multibox.data.formats.ilsvrc import find_ilsvrc, ilsvrc_splits
from multibox.data.formats.recognize import recognize
from multibox.data.formats.voc.layout import choose, find_voc
from multibox.errors import DataError
from multibox.paper.tables import Kind
from multibox.words import listed

LEAST = 8
_COCO_FILES = {"trainval35k": "train2017", "minival": "val2017"}
_LOOKED_FOR = {
    "voc": "VOC (VOCdevkit, or VOC2007 and VOC2012)",
    "coco": "COCO (annotations/instances_*.json, here or in coco)",
    "ilsvrc": "ILSVRC DET (Annotations/DET, here or in ILSVRC)",
}


@dataclass(frozen=True)
class Part:
    """A split of a data set that an experiment needs; `problem` says why it is not there, None where it is.

    `images` is None where counting them would take long.
    """

    kind: Kind
    split: str
    folder: Path | None
    images: int | None
    problem: str | None


def look_for(kind: Kind, split: str, root: Path, *, any_kind: bool = False) -> Part:
    """Find the split without reading images or large files; with `any_kind` in whatever data set `root` is."""
    folder = locate(kind, root) or (root if any_kind and _is_data_set(root) else None)
    if folder is None:
        return Part(kind, split, None, None, f"{root} holds no {_LOOKED_FOR[kind]}")
    try:
        return Part(kind, split, folder, _count(kind, split, folder), None)
    except DataError as error:
        return Part(kind, split, folder, None, str(error))


def locate(kind: Kind, root: Path) -> Path | None:
    """The data set of that kind at `root` or in a folder of its name, None where there is none."""
    finders = {"voc": find_voc, "coco": find_coco, "ilsvrc": find_ilsvrc}
    return next((place for place in _places(kind, root) if finders[kind](place)), None)


def _is_data_set(root: Path) -> bool:
    try:
        recognize(root)
    except (DataError, OSError):
        return False
    return True


def _places(kind: Kind, root: Path) -> Iterator[Path]:
    yield from (place for place in (root, root / kind, root / kind.upper()) if place.is_dir())


def _count(kind: Kind, split: str, folder: Path) -> int | None:
    """How many images, where a list tells; DataError where the split is not there."""
    if folders := find_voc(folder):
        return sum(len(ids) for _, ids in choose(folders, split, folder))
    names = list(find_coco(folder)) if kind == "coco" else None
    if kind == "ilsvrc" and (home := find_ilsvrc(folder)):
        names = ilsvrc_splits(home)
    names = recognize(folder).splits() if names is None else names
    for part in split.split("+"):
        if not {part, _COCO_FILES.get(part, part)} & set(names) and not _has_list(folder, part):
            raise DataError(f"split {part!r} does not exist in {folder}; it has {listed(names)}")
    return None


def _has_list(folder: Path, split: str) -> bool:
    return (folder / "annotations" / f"{split}.txt").is_file()


def thinned(dataset: Dataset, share: float) -> Dataset:
    """Every so many-th image, so that about `share` of them stay, at least a few."""
    count = min(len(dataset), max(LEAST, round(len(dataset) * share)))
    if count == len(dataset):
        return dataset
    examples = tuple(dataset[k * len(dataset) // count] for k in range(count))
    return replace(dataset, name=f"{dataset.name} ({count} of {len(dataset)})", examples=examples)
