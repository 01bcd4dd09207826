"""What annotation files say, before it is judged: readers make records, `to_dataset` makes Examples of them.

Reading and judging are apart so that `multibox data check` sees through the same parsers what training never sees:
boxes that are dropped, classes that do not exist, files that do not parse.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.problem import Problem
from multibox.errors import DataError
from multibox.size import Size
from multibox.words import listed

Box = tuple[float, float, float, float]


class RawObject(NamedTuple):
    """One object as its file has it.

    `number` is its place in the file (from 1; the annotation id in COCO), `category` the class as written (name or
    id), `values` the four numbers as written, `box` the same as corners in continuous pixels, neither clipped nor
    checked. `area` is that of its segmentation, where the file says it.
    """

    number: int
    category: str
    values: Box
    box: Box
    difficult: bool = False
    crowd: bool = False
    area: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One image with its objects as written; `annotation` is None where no file describes the image.

    `size` is the size that `box` and clipping refer to; `size_written` is false where the annotation does not say it
    and it was taken from the image.
    """

    image: Path
    id: str
    size: Size | None
    annotation: Path | None
    objects: tuple[RawObject, ...] = ()
    size_written: bool = True


@dataclass(frozen=True)
class RawDataset:
    """Records with the classes they may use. `labels` gives the label of a category as written.

    `word` names an object's place in messages ("object", "line", "annotation"). `faults` are files and objects that
    could not be read at all; they stop reading, and checking lists them.
    """

    name: str
    format: str
    class_names: tuple[str, ...]
    labels: Mapping[str, int]
    records: tuple[Record, ...]
    word: str = "object"
    faults: tuple[Problem, ...] = ()
    category_ids: tuple[int, ...] | None = None

    def file_of(self, record: Record) -> str:
        """The file to correct for this image: its annotation, or the image itself where one file describes many."""
        shared = record.annotation is None or self.format == "coco"
        return str(record.image if shared else record.annotation)

    def place(self, item: RawObject) -> str:
        """Where the object is inside its file, for people: "object 3 (dog)"."""
        label = self.labels.get(item.category)
        name = item.category if label is None else self.class_names[label]
        return f"{self.word} {item.number} ({name})"


def box_fault(item: RawObject, size: Size | None) -> tuple[str, str] | None:
    """(kind, reason) why the box cannot be used, None where it can."""
    x1, y1, x2, y2 = item.box
    if not all(isfinite(side) for side in item.box):
        return "not_finite", "has values that are no numbers"
    if x2 < x1 or y2 < y1:
        return "inverted", "has its corners swapped"
    clipped = clip_boxes(np.array([item.box], dtype=np.float32), size)
    if _extended(clipped)[0]:
        return None
    beyond = size is not None and (x1 >= size.width or y1 >= size.height)
    if beyond or x2 <= 0 or y2 <= 0:
        return "outside", "lies wholly outside the image"
    return "degenerate", "has no width or height"


def clip_boxes(boxes: Float32[np.ndarray, "g 4"], size: Size | None) -> Float32[np.ndarray, "g 4"]:
    """The boxes cut at the image's border; only at 0 if the size is not known."""
    if size is None:
        return np.maximum(boxes, np.float32(0))
    limit = np.array([size.width, size.height, size.width, size.height], dtype=np.float32)
    return np.clip(boxes, np.float32(0), limit)


def _extended(boxes: Float32[np.ndarray, "g 4"]) -> Bool[np.ndarray, " g"]:
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def to_example(record: Record, labels: Mapping[str, int]) -> tuple[Example, list[RawObject]]:
    """The Example of a record, with boxes clipped to the image, and the objects that had to be dropped."""
    items = record.objects
    boxes = np.array([item.box for item in items], dtype=np.float32).reshape(-1, 4)
    boxes = clip_boxes(boxes, record.size)
    example = Example(
        image=record.image,
        boxes=boxes,
        labels=np.array([labels[item.category] for item in items], dtype=np.int64),
        difficult=np.array([item.difficult for item in items], dtype=np.bool_),
        crowd=np.array([item.crowd for item in items], dtype=np.bool_),
        id=record.id,
        size=record.size,
        areas=_areas(items),
    )
    usable = _extended(boxes)
    if usable.all():
        return example, []
    return example.keep(usable), [item for item, good in zip(items, usable, strict=True) if not good]


def _areas(items: Sequence[RawObject]) -> Float64[np.ndarray, " g"] | None:
    """The areas that the file says, with those of the boxes for the rest; None where it says none."""
    if all(item.area is None for item in items):
        return None
    boxes = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (item.box for item in items)]
    return np.array([box if item.area is None else item.area for item, box in zip(items, boxes, strict=True)])


def to_dataset(raw: RawDataset) -> Dataset:
    """The data set for training and evaluation.

    Boxes are clipped to their image; what has no extent then is dropped and named in `Dataset.problems`, after the
    faults of reading that are no errors.
    Raises DataError for the first file that could not be read and the first class that does not exist.
    """
    errors = [fault for fault in raw.faults if fault.severity == "error"]
    if errors:
        more = f" (one of {len(errors)} such problems; `multibox data check` lists all)" if len(errors) > 1 else ""
        raise DataError(f"{errors[0]}{more}")
    examples: list[Example] = []
    problems = [str(fault) for fault in raw.faults]
    for record in raw.records:
        _require_classes(raw, record)
        example, dropped = to_example(record, raw.labels)
        examples.append(example)
        problems += [_dropped_line(raw, record, item) for item in dropped]
    return Dataset(raw.name, raw.class_names, tuple(examples), tuple(problems), raw.category_ids)


def _require_classes(raw: RawDataset, record: Record) -> None:
    for item in record.objects:
        if item.category not in raw.labels:
            raise DataError(
                f"{raw.file_of(record)}, {raw.word} {item.number}: class {item.category!r} is not one of "
                f"{listed(raw.labels)}; give all class names, or rename it"
            )


def _dropped_line(raw: RawDataset, record: Record, item: RawObject) -> str:
    fault = box_fault(item, record.size)
    reason = fault[1] if fault else "has no width or height"
    return f"{raw.file_of(record)}, {raw.place(item)}: box {numbers(item.values)} {reason}; dropped"


def merge(raws: Sequence[RawDataset], name: str) -> RawDataset:
    """Several parts of one data set as one. Raises DataError where their classes differ."""
    first = raws[0]
    other = next((raw for raw in raws if raw.class_names != first.class_names), None)
    if other:
        raise DataError(f"{first.name} and {other.name} have different classes; load each alone and `join` them")
    return replace(
        first,
        name=name,
        records=unique_ids([record for raw in raws for record in raw.records]),
        faults=tuple(fault for raw in raws for fault in raw.faults),
    )


def unique_ids(records: Sequence[Record]) -> tuple[Record, ...]:
    """The records; where folders share an id, it gets the name of the image's folder and set in front."""
    counts = Counter(record.id for record in records)
    if len(counts) == len(records):
        return tuple(records)
    return tuple(
        replace(record, id=f"{record.image.parent.parent.name}/{record.id}") if counts[record.id] > 1 else record
        for record in records
    )


def numbers(values: Box) -> str:
    """The four numbers as short as they can be written: (181, 329, 181, 329)."""
    return f"({', '.join(f'{value:g}' for value in values)})"
