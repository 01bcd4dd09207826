"""The numbers of COCO by faster-coco-eval, from a data set and detections."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections


class Reference(NamedTuple):
    """The twelve numbers, -1 where there are no objects, and the precision (IoU, recall, class, area)."""

    numbers: list[float]
    precision: np.ndarray


def reference(dataset: Dataset, detections: Sequence[Detections], *, order: Sequence[int]) -> Reference:
    """Evaluate the images in an order, which decides between equal scores."""
    package = pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed")
    truth = [_objects(dataset[i]) for i in order]
    found = [_rows(detections[i]) for i in order]
    evaluator = package.COCOeval_faster(
        *(package.COCO(_document(dataset, rows), print_function=_silent) for rows in (truth, found)),
        iouType="bbox",
        print_function=_silent,
    )
    evaluator.run()
    return Reference(list(evaluator.stats), evaluator.eval["precision"][..., -1])


def _document(dataset: Dataset, rows: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """A COCO document with images, classes and annotations numbered from 1: id 0 means none to the package."""
    annotations = [row | {"image_id": image} for image, of_image in enumerate(rows, 1) for row in of_image]
    return {
        "images": [{"id": image} for image in range(1, len(rows) + 1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(dataset.class_names, 1)],
        "annotations": [row | {"id": number} for number, row in enumerate(annotations, 1)],
    }


def _objects(example: Example) -> list[dict[str, Any]]:
    rows = _boxes(example.boxes, example.labels)
    ignored = (example.crowd | example.difficult).tolist()
    for number, row in enumerate(rows):
        row |= {"iscrowd": int(ignored[number])}
        row |= {} if example.areas is None else {"area": float(example.areas[number])}
    return rows


def _rows(detections: Detections) -> list[dict[str, Any]]:
    rows = _boxes(detections.boxes, detections.labels)
    return [row | {"score": score, "iscrowd": 0} for row, score in zip(rows, detections.scores.tolist(), strict=True)]


def _boxes(boxes: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    corners = boxes.astype(np.float64)
    sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).tolist()
    return [
        {"bbox": box, "category_id": label + 1, "area": box[2] * box[3]}
        for box, label in zip(sides, labels.tolist(), strict=True)
    ]


def _silent(*_: object) -> None:
    """Discard the messages of the package."""
