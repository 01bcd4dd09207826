"""What makes a data set format: finding a data set, reading it, and writing one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from multibox.data.formats.evidence import Evidence, Strength
from multibox.data.formats.files import Listing, special_files
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record
from multibox.data.formats.written import Written
from multibox.errors import DataError
from multibox.words import listed


@dataclass(frozen=True)
class Source(ABC):
    """A data set that was found on disk. Its splits are known; `scan` reads the annotations of one.

    `evidence` is what was found; `remarks` are problems of the recognition, which `scan` reports. With `outside`, files
    that annotations name outside the data set are read too.
    """

    root: Path
    evidence: Evidence = field(default=Evidence(Strength.LOOSE, ""), kw_only=True)
    remarks: tuple[Problem, ...] = field(default=(), kw_only=True)
    outside: bool = field(default=False, kw_only=True)

    @abstractmethod
    def splits(self) -> list[str]:
        """Return the names of the splits, without "all"."""

    @abstractmethod
    def read(self, split: str) -> RawDataset:
        """Read the annotations of a split as `scan` does, without the remarks."""

    @abstractmethod
    def listings(self, split: str) -> Iterable[Listing]:
        """Return the folders in which `read` looks for files of a split; `scan` names what is no file there."""

    def scan(self, split: str) -> RawDataset:
        """Read the annotations of a split as written: one of `splits`, several joined by "+", or "all".

        Raises DataError if the split does not exist or a file that describes it cannot be read.
        """
        raw = self.read(split)
        empty = not raw.records and not any(fault.severity == "error" for fault in raw.faults)
        message = "has no images; add some, or choose another split"
        empty_split = [Problem("empty_split", "error", f"{self.root}, split {split}", None, message)] if empty else []
        special = [problem for listing in self.listings(split) for problem in special_files(listing)]
        return replace(raw, faults=(*self.remarks, *raw.faults, *special, *empty_split))

    def everything(self) -> str | None:
        """Return the split that also holds images outside all `splits`, None if there are no such images."""
        return None if self.splits() else "all"

    def training_split(self) -> str:
        """Return trainval, else train, else the only split that starts with "train", else the only split, else "all".

        Raises DataError if several splits are possible.
        """
        splits = self.splits()
        for name in ("trainval", "train"):
            if name in splits:
                return name
        candidates = [name for name in splits if name.startswith("train")] or splits
        if len(candidates) > 1:
            raise DataError(f"the data set has no split named train or trainval; choose one of {listed(candidates)}")
        return candidates[0] if candidates else "all"

    def count_images(self, split: str) -> int | None:
        """Return the number of images of a split if a list file gives it, else None; no annotation is read.

        Raises DataError if the split does not exist.
        """
        splits = self.splits()
        for name in map(str.strip, split.split("+")):
            if name not in (*splits, "all"):
                raise DataError(f"split {name!r} does not exist in {self.root}; it has {listed(splits)}")
        return None

    def lists(self, parts: Mapping[str, Sequence[Record]]) -> dict[str, str]:
        """Return the content of files that make each part a split, by their paths below `root`.

        Raises DataError if the format has no such files, or a split of that name.
        """
        raise DataError("lists of images cannot be written in this format; convert the data set to voc, coco or yolo")

    def with_pixel_rule(self, rule: str) -> "Source":
        """Return the source that reads VOC's corners by this rule; formats without VOC's corners ignore it."""
        return self


@dataclass(frozen=True)
class Writer:
    """Writes a data set into a folder.

    `write` takes the images of each split, the class names and the folder; it returns one line about each kind of
    information that the format cannot hold. `images` is the folder of a split's images inside the data set. With
    `relative` labels the size of the image file counts, otherwise the size in the annotation.
    """

    write: Callable[[Mapping[str, Sequence[Written]], tuple[str, ...], Path], list[str]]
    images: str
    relative: bool = False


@dataclass(frozen=True)
class Format:
    """A data set format.

    `name` identifies it in files and options. `layout` describes what `find` looks for; it is part of the message
    about a folder in which no data set is found. `find` returns None if the path holds no data set of this format.
    """

    name: str
    layout: str
    find: Callable[[Path], Source | None]
    writer: Writer | None = None
