"""Detections as a COCO results file: a JSON list of {image_id, category_id, bbox [x, y, width, height], score}."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from multibox.data.dataset import Dataset
from multibox.data.formats.fields import id_text, id_value, number, required, short
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.evaluation.results.quick import QuickColumns
from multibox.evaluation.results.relabel import relabel
from multibox.evaluation.results.rows import FLOAT32_MAX, ResultRow, Results
from multibox.system.atomic import atomic_file
from multibox.system.json import read_json_entries
from multibox.system.process import without_collection

MAX_RESULTS_BYTES = 4 * 2**30
_EXPECTED = "COCO results are a list of detections"


def read_coco_results(
    path: Path, *, dataset: Dataset, category_ids: Sequence[int | str] | None = None
) -> dict[str, Detections]:
    """Return the detections of every image by its id.

    `category_ids` holds the id of each class; None selects the ids of the data set, or 1, 2, ... if it has none.
    `image_id` may be a number or text. `image_size` is (0, 0) if the data set does not know it. DataError, with file,
    entry and value, for a malformed entry and for one that is not in the data set.
    """
    ids = _ids_of_classes(dataset, category_ids=category_ids)
    label_of = {id_text(number): label for label, number in enumerate(ids)}
    results = Results(dataset)
    quick = QuickColumns(results.positions, label_of)
    before = 0
    with without_collection():
        for entries in read_json_entries(path, expected=_EXPECTED, limit=MAX_RESULTS_BYTES):
            columns = quick.columns(entries)
            if columns is not None:
                results.add(columns)
            else:
                results.add_rows(_rows(entries, path, before=before, label_of=label_of))
            before += len(entries)
    return results.by_id()


def write_coco_results(
    path: Path,
    *,
    dataset: Dataset,
    detections: Mapping[str, Detections],
    category_ids: Sequence[int | str] | None = None,
) -> None:
    """Write the file. Sides are rounded to 2 decimals as in `detection_output_layer.cpp` 345; scores are not rounded.

    Image ids that are plain numbers are written as numbers. DataError if the detections lack classes of the data set.
    """
    ids = _ids_of_classes(dataset, category_ids=category_ids)
    entries = [
        {"image_id": id_value(image_id), "category_id": ids[label], "bbox": _xywh(box), "score": float(str(score))}
        for image_id, found in detections.items()
        for box, score, label in _columns(relabel(found, class_names=dataset.class_names))
    ]
    with atomic_file(path) as file:
        file.write(json.dumps(entries).encode())


def _ids_of_classes(dataset: Dataset, *, category_ids: Sequence[int | str] | None) -> list[int | str]:
    if category_ids is None:
        category_ids = dataset.category_ids or tuple(range(1, len(dataset.class_names) + 1))
    ids = list(category_ids)
    if len(ids) != len(dataset.class_names):
        raise DataError(
            f"{len(ids)} category ids for the {len(dataset.class_names)} classes of {dataset.name}; "
            "take them from the annotation file that the data set was read from"
        )
    return ids


def _rows(entries: list[Any], path: Path, *, before: int, label_of: dict[str, int]) -> Iterator[ResultRow]:
    """Yield the entries one by one; raise DataError for the first that cannot be used."""
    for count, entry in enumerate(entries, before + 1):
        place = f"{path}: entry {count}"
        image_id, category_id, bbox, score = _fields(entry, place=place)
        if category_id not in label_of:
            raise DataError(
                f"{place}: category_id {category_id} is not one of the data set's, {_some(label_of)}; "
                "use the ids of the annotation file's categories"
            )
        x, y, width, height = bbox
        yield ResultRow(place, image_id, label_of[category_id], score, (x, y, x + width, y + height))


def _fields(entry: Any, *, place: str) -> tuple[str, str, list[float], float]:
    """Return image_id, category_id, bbox and score of an entry, ids as text."""
    if not isinstance(entry, dict):
        raise DataError(
            f"{place}: {short(entry)}; every entry must be an object with image_id, category_id, bbox, score"
        )
    values = []
    for name, parse in _FIELDS.items():
        try:
            values.append(parse(required(entry, name)))
        except ValueError as error:
            reason = str(error) if str(error).startswith("has no") else f"{name} {error}"
            raise DataError(
                f"{place}: {reason}; an entry has image_id, category_id, bbox [x, y, width, height] and score (numbers)"
            ) from None
    image_id, category_id, bbox, score = values
    return image_id, category_id, bbox, score


def _finite(value: Any) -> float:
    """Return a number that float32 can hold."""
    result = number(value)
    if not abs(result) < FLOAT32_MAX:
        raise ValueError(f"is {result}; it must be finite")
    return result


def _bbox(value: Any) -> list[float]:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(f"is {short(value)}")
    return [_finite(side) for side in value]


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "image_id": id_text,
    "category_id": id_text,
    "bbox": _bbox,
    "score": _finite,
}


def _some(ids: dict[str, int]) -> str:
    shown = ", ".join(list(ids)[:10])
    return shown if len(ids) <= 10 else f"{shown}, ... ({len(ids)} in all)"


def _columns(detections: Detections) -> Iterator[tuple[Any, Any, int]]:
    return zip(detections.boxes.tolist(), detections.scores, detections.labels.tolist(), strict=True)


def _xywh(box: list[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [round(side, 2) for side in (x1, y1, x2 - x1, y2 - y1)]
