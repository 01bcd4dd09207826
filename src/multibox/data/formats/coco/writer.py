"""Writer of COCO instances: annotations/instances_<split>.json."""

import json
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from multibox.data.formats.written import Written, write_text


def write_coco(splits: Mapping[str, Sequence[Written]], class_names: tuple[str, ...], out: Path) -> list[str]:
    """Write every split and return one line about each kind of information that is lost.

    Category ids count from 1 in the order of the classes. Difficult objects get an entry "difficult": 1, which
    `read_coco` understands and other readers ignore.
    """
    (out / "annotations").mkdir(parents=True, exist_ok=True)
    categories = [{"id": label + 1, "name": name} for label, name in enumerate(class_names)]
    everything = [entry for written in splits.values() for entry in written]
    ids = _image_ids([entry.example.id for entry in everything])
    numbers, annotation_ids = iter(ids), count(1)
    for split, written in splits.items():
        images, annotations = [], []
        for entry, image_id in zip(written, numbers, strict=False):
            height, width = entry.size
            images.append({"id": image_id, "file_name": entry.image.name, "width": width, "height": height})
            annotations += [_annotation(item, image_id, next(annotation_ids)) for item in _objects(entry)]
        document = {"images": images, "annotations": annotations, "categories": categories}
        write_text(out / f"annotations/instances_{split}.json", json.dumps(document, ensure_ascii=False))
    renamed = [str(number) for number in ids] != [entry.example.id for entry in everything]
    return ["image ids are numbers in COCO; file names keep the old names"] if renamed else []


def _image_ids(names: list[str]) -> list[int]:
    """Return the ids themselves if they are distinct numbers, else 1, 2, 3, …."""
    if all(name.isdecimal() for name in names) and len({int(name) for name in names}) == len(names):
        return [int(name) for name in names]
    return list(range(1, len(names) + 1))


class _Object(NamedTuple):
    box: Float32[np.ndarray, "4"]
    label: int
    crowd: bool
    difficult: bool
    area: float | None


def _objects(entry: Written) -> list[_Object]:
    example = entry.example
    areas = [None] * len(example.labels) if example.areas is None else example.areas.tolist()
    rows = zip(example.boxes, example.labels, example.crowd, example.difficult, areas, strict=True)
    return [_Object(box, int(label), bool(crowd), bool(difficult), area) for box, label, crowd, difficult, area in rows]


def _annotation(item: _Object, image_id: int, annotation_id: int) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(str(side)) for side in item.box)
    width, height = _extent(x1, x2), _extent(y1, y2)
    annotation = {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": item.label + 1,
        "bbox": [x1, y1, width, height],
        "area": round(width * height, 4) if item.area is None else item.area,
        "iscrowd": int(item.crowd),
    }
    return annotation | ({"difficult": 1} if item.difficult else {})


def _extent(start: float, end: float) -> float:
    """Return the extent with the fewest decimals that leads from `start` exactly to `end` in float32."""
    for digits in (2, 4, 6, 9):
        extent = round(end - start, digits)
        if np.float32(start + extent) == np.float32(end):
            return extent
    return end - start
