"""The content of annotation files as written, before it is judged.

Reading and judging are separate: `multibox data check` uses the same parsers as training, and can report what training
drops or refuses: unusable boxes, unknown classes, files that cannot be parsed. `examples.py` does the judging.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from multibox.data.formats.problem import Problem
from multibox.errors import DataError
from multibox.size import Size

_FOLDERS_OF_ALL = frozenset(("jpegimages", "images", "imgs", "annotations"))
Box = tuple[float, float, float, float]


class RawObject(NamedTuple):
    """One object as its file describes it.

    `number` is its position in the file, counted from 1, or the annotation id in COCO. `category` is the class as
    written: a name or an id. `values` are the four numbers as written. `box` has the same box as corners in continuous
    pixels, neither clipped nor checked. `area` is the area of its segmentation if the file gives one.
    """

    number: int | str
    category: str
    values: Box
    box: Box
    difficult: bool = False
    crowd: bool = False
    area: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One image with its objects as written.

    `annotation` is the file that describes the image, None if there is no such file. `size` is the size that boxes
    refer to. `size_written` is false if the annotation does not contain the size and it comes from the image file.
    """

    image: Path
    id: str
    size: Size | None
    annotation: Path | None
    objects: tuple[RawObject, ...] = ()
    size_written: bool = True


@dataclass(frozen=True)
class RawDataset:
    """Records with the classes that they may use. `labels` maps a category as written to its label.

    `noun` is what messages call an entry of an annotation file: object, line or annotation. `faults` are files and
    objects that could not be read. `category_ids` are COCO's class numbers. `file_per_image` is false if one
    annotation file describes many images.
    """

    name: str
    format: str
    class_names: tuple[str, ...]
    labels: Mapping[str, int]
    records: tuple[Record, ...]
    noun: str = "object"
    faults: tuple[Problem, ...] = ()
    category_ids: tuple[int | str, ...] | None = None
    file_per_image: bool = True

    def file_of(self, record: Record) -> str:
        """Return the file that a message about the image should name: its own annotation file, else the image."""
        if record.annotation is None or not self.file_per_image:
            return str(record.image)
        return str(record.annotation)

    def place(self, item: RawObject) -> str:
        """Return the place of the object inside its file, such as "object 3 (dog)"."""
        label = self.labels.get(item.category)
        name = item.category if label is None else self.class_names[label]
        return f"{self.noun} {item.number} ({name})"


def merge(raws: Sequence[RawDataset], name: str, root: Path) -> RawDataset:
    """Join several parts of the data set at `root`. Raises DataError if their classes differ."""
    first = raws[0]
    other = next((raw for raw in raws if raw.class_names != first.class_names), None)
    if other:
        raise DataError(f"{first.name} and {other.name} have different classes; load each alone and `join` them")
    return replace(
        first,
        name=name,
        records=unique_ids([record for raw in raws for record in raw.records], root),
        faults=tuple(fault for raw in raws for fault in raw.faults),
    )


def unique_ids(records: Sequence[Record], root: Path) -> tuple[Record, ...]:
    """Return the records; ids that several have become the paths of the images below `root`.

    The path leaves out folders such as JPEGImages and the suffix, unless images differ only in these. What still
    occurs twice, one image under two ids of several files, gets a number.
    """
    for rename in (_short_path, _path, _numbered):
        counts = Counter(record.id for record in records)
        if len(counts) == len(records):
            break
        seen: Counter[str] = Counter()
        renamed = []
        for record in records:
            seen[record.id] += 1
            name = rename(record, root, seen[record.id]) if counts[record.id] > 1 else record.id
            renamed.append(replace(record, id=name))
        records = renamed
    return tuple(records)


def _short_path(record: Record, root: Path, nth: int) -> str:
    parts = _path(record, root, nth).removesuffix(record.image.suffix).split("/")
    return "/".join([*(part for part in parts[:-1] if part.casefold() not in _FOLDERS_OF_ALL), parts[-1]])


def _path(record: Record, root: Path, nth: int) -> str:
    try:
        return record.image.relative_to(root).as_posix()
    except ValueError:
        return record.image.as_posix()


def _numbered(record: Record, root: Path, nth: int) -> str:
    return record.id if nth == 1 else f"{record.id}#{nth}"
