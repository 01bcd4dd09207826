"""Which format a data set has, and which splits: one class per format, asked in turn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from multibox.data.formats.coco.layout import find_coco, scan_coco_split
from multibox.data.formats.ilsvrc import find_ilsvrc, ilsvrc_splits, scan_ilsvrc
from multibox.data.formats.record import RawDataset
from multibox.data.formats.voc.layout import VocFolder, find_voc, split_names
from multibox.data.formats.voc.reader import scan_voc
from multibox.data.formats.yolo.layout import YoloFolder, find_yolo
from multibox.data.formats.yolo.reader import scan_yolo
from multibox.errors import DataError
from multibox.words import listed

_LOOKED_FOR = (
    "VOC (XML files in it, in Annotations or in VOC<year>), COCO (annotations/*.json with images and categories), "
    "YOLO (data.yaml, or folders images and labels) and ILSVRC (Annotations/DET)"
)


@runtime_checkable
class Source(Protocol):
    """A data set that was recognized but not read."""

    def splits(self) -> list[str]:
        """Its splits, without "all"."""
        ...

    def scan(self, *, split: str | None, pixels: str) -> RawDataset:
        """Read a split, that for training if None; `pixels` matters to VOC only."""
        ...

    def unlisted(self) -> str | None:
        """The split that also holds what no other does, None where there is no such thing."""
        ...


def recognize(path: Path) -> Source:
    """The format of the data set at `path`. Raises DataError that says what was looked for where there is none."""
    if home := find_ilsvrc(path):
        return IlsvrcSource(home)
    if folders := find_voc(path):
        return VocSource(path, folders)
    if files := find_coco(path):
        return CocoSource(path, files)
    if folder := find_yolo(path):
        return YoloSource(path, folder)
    hint = "; give the folder of the data set, not one file of it" if path.is_file() else ""
    raise DataError(f"{path} is no data set that is known here; looked for {_LOOKED_FOR}{hint}")


@dataclass(frozen=True)
class VocSource:
    root: Path
    folders: tuple[VocFolder, ...]

    def splits(self) -> list[str]:
        return [name for name in split_names(self.folders) if name != "all"]

    def scan(self, *, split: str | None, pixels: str) -> RawDataset:
        return scan_voc(self.root, split=split or natural_split(self.splits()), pixels=pixels)

    def unlisted(self) -> str | None:
        return "all"


@dataclass(frozen=True)
class CocoSource:
    root: Path
    files: dict[str, Path]

    def splits(self) -> list[str]:
        return list(self.files)

    def scan(self, *, split: str | None, pixels: str) -> RawDataset:
        return scan_coco_split(self.files, split or natural_split(self.splits()), self.root)

    def unlisted(self) -> str | None:
        return None


@dataclass(frozen=True)
class YoloSource:
    root: Path
    folder: YoloFolder

    def splits(self) -> list[str]:
        return list(self.folder.splits)

    def scan(self, *, split: str | None, pixels: str) -> RawDataset:
        return scan_yolo(self.root, split=split or natural_split(self.splits()))

    def unlisted(self) -> str | None:
        return None


@dataclass(frozen=True)
class IlsvrcSource:
    root: Path

    def splits(self) -> list[str]:
        return ilsvrc_splits(self.root)

    def scan(self, *, split: str | None, pixels: str) -> RawDataset:
        return scan_ilsvrc(self.root, split=split or natural_split(self.splits()))

    def unlisted(self) -> str | None:
        return None


def natural_split(splits: list[str]) -> str:
    """trainval, else train, else the only one that begins so, else the only one, else "all" of none.

    Raises DataError where several could be meant.
    """
    for name in ("trainval", "train"):
        if name in splits:
            return name
    starting = [name for name in splits if name.startswith("train")]
    if len(starting or splits) > 1:
        raise DataError(f"the data set has no split for training by name; choose one of {listed(starting or splits)}")
    return next(iter(starting or splits), "all")
