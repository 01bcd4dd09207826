"""Detections as a COCO results file: a JSON list of {image_id, category_id, bbox [x, y, width, height], score}."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.evaluation.results.relabel import relabel
from multibox.evaluation.results.rows import FLOAT32_MAX, ResultRow, detections_by_id


def read_coco_results(
    path: Path, *, dataset: Dataset, category_ids: Sequence[int] | None = None
) -> dict[str, Detections]:
    """Return the detections of every image by its id.

    `category_ids` holds the id of each class; None stands for the data set's own, or 1, 2, ... if it has none.
    `image_id` may be a number or text. `image_size` is (0, 0) if the data set does not know it. DataError, with file,
    entry and value, for a malformed entry and for one that is not in the data set.
    """
    ids = _ids_of_classes(dataset, category_ids=category_ids)
    return detections_by_id(_rows(path, label_of={number: label for label, number in enumerate(ids)}), dataset=dataset)


def write_coco_results(
    path: Path, *, dataset: Dataset, detections: Mapping[str, Detections], category_ids: Sequence[int] | None = None
) -> None:
    """Write the file. Sides are rounded to 2 decimals as in `detection_output_layer.cpp` 345; scores are not rounded.

    Image ids that are plain numbers are written as numbers. DataError if the detections lack classes of the data set.
    """
    ids = _ids_of_classes(dataset, category_ids=category_ids)
    entries = [
        {"image_id": _json_id(image_id), "category_id": ids[label], "bbox": _xywh(box), "score": float(str(score))}
        for image_id, found in detections.items()
        for box, score, label in _columns(relabel(found, class_names=dataset.class_names))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries), encoding="utf-8")


def _ids_of_classes(dataset: Dataset, *, category_ids: Sequence[int] | None) -> list[int]:
    if category_ids is None:
        category_ids = dataset.category_ids or range(1, len(dataset.class_names) + 1)
    ids = list(category_ids)
    if len(ids) != len(dataset.class_names):
        raise DataError(
            f"{len(ids)} category ids for the {len(dataset.class_names)} classes of {dataset.name}; "
            "take them from the annotation file that the data set was read from"
        )
    return ids


def _rows(path: Path, *, label_of: dict[int, int]) -> Iterator[ResultRow]:
    for number, entry in enumerate(_load(path), 1):
        place = f"{path}: entry {number}"
        image_id, category_id, bbox, score = _fields(entry, place=place)
        if category_id not in label_of:
            raise DataError(
                f"{place}: category_id {category_id} is not one of the data set's, {_some(label_of)}; "
                "use the ids of the annotation file's categories"
            )
        x, y, width, height = bbox
        yield ResultRow(place, str(image_id), label_of[category_id], score, (x, y, x + width, y + height))


def _load(path: Path) -> list[Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a COCO results file") from error
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); give a COCO results file") from error
    if not isinstance(document, list):
        raise DataError(f"{path}: holds one {type(document).__name__}; COCO results are a list of detections")
    return document


def _fields(entry: Any, *, place: str) -> tuple[int | str, int, list[float], float]:
    """The four fields of an entry, of the right types."""
    if not isinstance(entry, dict):
        raise DataError(f"{place}: {entry!r}; every entry must be an object with image_id, category_id, bbox, score")
    for name, fits in _FIELDS.items():
        if not fits(entry.get(name)):
            value = repr(entry[name]) if name in entry else "absent"
            raise DataError(
                f"{place}: {name} is {value}; an entry has image_id, category_id (whole number), "
                "bbox [x, y, width, height] and score (numbers)"
            )
    return entry["image_id"], entry["category_id"], [float(side) for side in entry["bbox"]], float(entry["score"])


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) or _is_whole(value)


def _is_number(value: Any) -> bool:
    """Whether the value is a number that float32 can hold; nan is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < FLOAT32_MAX


def _is_bbox(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


_FIELDS = {"image_id": _is_id, "category_id": _is_whole, "bbox": _is_bbox, "score": _is_number}


def _some(ids: dict[int, int]) -> str:
    shown = ", ".join(str(number) for number in list(ids)[:10])
    return shown if len(ids) <= 10 else f"{shown}, ... ({len(ids)} in all)"


def _columns(detections: Detections) -> Iterator[tuple[Any, Any, int]]:
    return zip(detections.boxes.tolist(), detections.scores, detections.labels.tolist(), strict=True)


def _xywh(box: list[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [round(side, 2) for side in (x1, y1, x2 - x1, y2 - y1)]


def _json_id(image_id: str) -> int | str:
    return int(image_id) if image_id.isdecimal() and str(int(image_id)) == image_id else image_id
