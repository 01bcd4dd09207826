"""The twelve box numbers of COCO and the AP of each class, computed with faster-coco-eval (the extra `coco`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections
from multibox.errors import UsageError

if TYPE_CHECKING:
    from faster_coco_eval import COCO

NUMBERS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@dataclass(frozen=True, eq=False)
class CocoResult:
    """`numbers` holds the twelve by the names in NUMBERS; `ap` and `ap50` hold one value for each class.

    A class or a range of areas without objects has the value nan; means leave such classes out.
    """

    numbers: dict[str, float]
    ap: Float64[np.ndarray, " c"]
    ap50: Float64[np.ndarray, " c"]


def evaluate_coco(dataset: Dataset, *, detections: Sequence[Detections]) -> CocoResult:
    """Compute AP and AR over IoU 0.5 to 0.95.

    `detections` has one entry for each image in order, with labels that index the class names. Crowd and difficult
    objects are regions in which detections are ignored. An object is small, medium or large by its area in square
    pixels: `Example.areas` if the data set has them (in COCO the area of the segmentation), else the area of the box.
    Equal scores are ordered by image id if all ids are numbers, as in COCO, else by the order of the data set.
    UsageError without faster-coco-eval.
    """
    evaluator_class = _import_evaluator()
    order = _official_order(dataset)
    truth = [_truth_rows(dataset[i]) for i in order]
    evaluator = evaluator_class(
        _coco(dataset, rows=truth),
        _coco(dataset, rows=[_detection_rows(detections[i]) for i in order]),
        iouType="bbox",
        print_function=_silent,
    )
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    precision = evaluator.eval["precision"][:, :, :, 0, -1]
    numbers = {name: _nan_if_absent(value) for name, value in zip(NUMBERS, evaluator.stats, strict=True)}
    return CocoResult(numbers, _class_means(precision), _class_means(precision[:1]))


def _import_evaluator() -> Any:
    try:
        from faster_coco_eval import COCOeval_faster
    except ImportError as error:
        raise UsageError(
            "metric coco needs faster-coco-eval, which is not installed; run: pip install multibox[coco]"
        ) from error
    return COCOeval_faster


def _official_order(dataset: Dataset) -> list[int]:
    """Return the positions of the images in the order of the COCO API: by number if every id is a number."""
    order = list(range(len(dataset)))
    if all(example.id.isdecimal() for example in dataset):
        order.sort(key=lambda position: int(dataset[position].id))
    return order


def _truth_rows(example: Example) -> list[dict[str, Any]]:
    boxes = _to_xywh(example.boxes)
    areas = boxes[:, 2] * boxes[:, 3] if example.areas is None else example.areas
    ignore = example.crowd | example.difficult
    columns = zip(boxes.tolist(), example.labels.tolist(), ignore.tolist(), areas.tolist(), strict=True)
    return [
        {"bbox": box, "category_id": label + 1, "iscrowd": int(crowd), "area": area}
        for box, label, crowd, area in columns
    ]


def _detection_rows(detections: Detections) -> list[dict[str, Any]]:
    columns = zip(
        _to_xywh(detections.boxes).tolist(), detections.labels.tolist(), detections.scores.tolist(), strict=True
    )
    return [
        {"bbox": box, "category_id": label + 1, "iscrowd": 0, "area": box[2] * box[3], "score": score}
        for box, label, score in columns
    ]


def _coco(dataset: Dataset, *, rows: list[list[dict[str, Any]]]) -> "COCO":
    """Build the evaluator's data set, with images, classes and annotations numbered from 1: id 0 means none to it."""
    from faster_coco_eval import COCO

    annotations = [row | {"image_id": image} for image, rows_of_image in enumerate(rows, 1) for row in rows_of_image]
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    document = {
        "images": [{"id": image} for image in range(1, len(rows) + 1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(dataset.class_names, 1)],
        "annotations": annotations,
    }
    return COCO(document, print_function=_silent)


def _to_xywh(boxes: np.ndarray) -> Float64[np.ndarray, "n 4"]:
    wide = boxes.astype(np.float64)
    return np.concatenate([wide[:, :2], wide[:, 2:] - wide[:, :2]], axis=1)


def _class_means(precision: Float64[np.ndarray, "t r c"]) -> Float64[np.ndarray, " c"]:
    """Compute the mean over thresholds and recalls; the evaluator marks a class without objects with -1."""
    return np.where((precision < 0).all(axis=(0, 1)), np.nan, precision.mean(axis=(0, 1)))


def _nan_if_absent(value: float | np.floating) -> float:
    return float(value) if value >= 0 else float("nan")


def _silent(*_: object) -> None:
    """Discard the evaluator's messages."""
