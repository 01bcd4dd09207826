"""The areas by which COCO calls an object small, medium or large: those of its segmentation, not of its box."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from multibox.data.dataset import Dataset
from multibox.errors import DataError

Known = dict[tuple[str, str], list[tuple[float, ...]]]


def read_areas(annotation_file: Path, *, dataset: Dataset) -> dict[str, Float64[np.ndarray, " g"]]:
    """Areas in square pixels of the objects of each picture, by picture id.

    Read from the annotation file that the data set came from. An object is found there by picture, class name and the
    nearest corners; an annotation without `area` gives that of its box. DataError if the file cannot be read or lacks
    an object of the data set.
    """
    known = _load(annotation_file)
    areas = {}
    for example in dataset:
        keys = [(example.id, dataset.class_names[label]) for label in example.labels]
        for image_id, name in keys:
            if (image_id, name) not in known:
                raise DataError(
                    f"{annotation_file}: no {name} in picture {image_id!r}, where {dataset.name} has one; "
                    "give the annotation file that the data set was read from"
                )
        found = [_nearest(known[key], box=box) for key, box in zip(keys, example.boxes, strict=True)]
        areas[example.id] = np.array(found, dtype=np.float64)
    return areas


def _load(annotation_file: Path) -> Known:
    """(x1, y1, x2, y2, area) of every annotation, by picture id and class name."""
    known: Known = defaultdict(list)
    try:
        document = json.loads(annotation_file.read_text(encoding="utf-8"))
        names = {category["id"]: str(category.get("name", category["id"])) for category in document["categories"]}
        for annotation in document["annotations"]:
            x, y, width, height = map(float, annotation["bbox"])
            row = (x, y, x + width, y + height, float(annotation.get("area", width * height)))
            known[str(annotation["image_id"]), names[annotation["category_id"]]].append(row)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"{annotation_file}: not a COCO annotation file ({type(error).__name__}: {error}); "
            "it has images, categories and annotations with bbox"
        ) from error
    return dict(known)


def _nearest(rows: list[tuple[float, ...]], *, box: Any) -> float:
    table = np.array(rows)
    return float(table[np.abs(table[:, :4] - box).sum(axis=1).argmin(), 4])
