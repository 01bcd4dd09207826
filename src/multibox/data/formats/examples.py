"""From records to Examples: clip boxes to the image, drop those that cannot be used, and refuse unknown classes."""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np
from jaxtyping import Bool, Float32, Float64

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.files import MAX_OBJECTS_PER_IMAGE
from multibox.data.formats.record import Box, RawDataset, RawObject, Record
from multibox.errors import DataError
from multibox.size import Size
from multibox.words import listed

_FLOAT32_MAX = 3.4e38


def to_dataset(raw: RawDataset) -> Dataset:
    """Return the data set for training and evaluation.

    Boxes are clipped to their image. Boxes without extent are dropped and listed in `Dataset.problems`, after the
    warnings and notes of the reader.
    Raises DataError for the first file that could not be read and for the first unknown class.
    """
    errors = [fault for fault in raw.faults if fault.severity == "error"]
    if errors:
        more = f" (one of {len(errors)} such problems; `multibox data check` lists all)" if len(errors) > 1 else ""
        raise DataError(f"{errors[0]}{more}")
    examples: list[Example] = []
    problems = [str(fault) for fault in raw.faults]
    for record in raw.records:
        _require_known_classes(raw, record)
        example, dropped = to_example(record, raw.labels)
        examples.append(example)
        problems += [_dropped_line(raw, record, item) for item in dropped]
    return Dataset(raw.name, raw.class_names, tuple(examples), tuple(problems), raw.category_ids)


def to_example(record: Record, labels: Mapping[str, int]) -> tuple[Example, list[RawObject]]:
    """Return the Example of a record, with boxes clipped to the image, and the objects that were dropped."""
    items = record.objects
    boxes = _clip(_float32([item.box for item in items]), record.size)
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
    usable = _has_extent(boxes)
    if usable.all():
        return example, []
    return example.keep(usable), [item for item, good in zip(items, usable, strict=True) if not good]


def box_fault(item: RawObject, size: Size | None) -> tuple[str, str] | None:
    """Return the kind of the problem and the reason why the box cannot be used, None if it can."""
    x1, y1, x2, y2 = item.box
    if not all(isfinite(side) and abs(side) < _FLOAT32_MAX for side in item.box):
        return "not_finite", "has values that are not finite numbers"
    if x2 < x1 or y2 < y1:
        return "inverted", "has swapped corners"
    clipped = _clip(_float32([item.box]), size)
    if _has_extent(clipped)[0]:
        return None
    beyond = size is not None and (x1 >= size.width or y1 >= size.height)
    if beyond or x2 <= 0 or y2 <= 0:
        return "outside", "is entirely outside the image"
    return "degenerate", "has no width or height"


def too_many_objects(record: Record) -> str:
    """Return the message about a record with more objects than are read."""
    return f"has {len(record.objects):,} objects; at most {MAX_OBJECTS_PER_IMAGE:,} an image are read; split the image"


def box_text(values: Box) -> str:
    """Return the four numbers in short form: (181, 329, 181, 329)."""
    return f"({', '.join(f'{value:g}' for value in values)})"


def _float32(boxes: Sequence[Box]) -> Float32[np.ndarray, "g 4"]:
    """Return the boxes as an array; sides beyond float32 become NaN, as infinite ones do, so that they are dropped."""
    with np.errstate(over="ignore"):
        result = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return result if np.isfinite(result).all() else np.where(np.isfinite(result), result, np.float32(np.nan))


def _clip(boxes: Float32[np.ndarray, "g 4"], size: Size | None) -> Float32[np.ndarray, "g 4"]:
    """Return the boxes cut at the border of the image; only at 0 if the size is unknown."""
    if size is None:
        return np.maximum(boxes, np.float32(0))
    limit = np.array([size.width, size.height, size.width, size.height], dtype=np.float32)
    return np.clip(boxes, np.float32(0), limit)


def _has_extent(boxes: Float32[np.ndarray, "g 4"]) -> Bool[np.ndarray, " g"]:
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def _areas(items: Sequence[RawObject]) -> Float64[np.ndarray, " g"] | None:
    """Return the areas in the file, the box's area for objects without one; None if the file gives no area."""
    if all(item.area is None for item in items):
        return None
    boxes = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (item.box for item in items)]
    return np.array([box if item.area is None else item.area for item, box in zip(items, boxes, strict=True)])


def _require_known_classes(raw: RawDataset, record: Record) -> None:
    if len(record.objects) > MAX_OBJECTS_PER_IMAGE:
        raise DataError(f"{raw.file_of(record)}: {too_many_objects(record)}")
    for item in record.objects:
        if item.category not in raw.labels:
            raise DataError(
                f"{raw.file_of(record)}, {raw.noun} {item.number}: class {item.category!r} is not one of "
                f"{listed(raw.labels)}; give all class names, or rename it"
            )


def _dropped_line(raw: RawDataset, record: Record, item: RawObject) -> str:
    fault = box_fault(item, record.size)
    reason = fault[1] if fault else "has no width or height"
    return f"{raw.file_of(record)}, {raw.place(item)}: box {box_text(item.values)} {reason}; dropped"
