"""The selection of detections, `multibox.nms.select`, as operations of OpenVINO."""

from typing import TYPE_CHECKING, Any

import numpy as np

from multibox.detection.engines.openvino_core import import_openvino
from multibox.models.config import ModelConfig

if TYPE_CHECKING:
    from openvino import Model


def selection(config: ModelConfig, *, classes: int) -> "Model":
    """Boxes (B, P, 4) and logits (B, P, C + 1) to boxes, scores, labels and priors of N rows, best first.

    Unfilled rows have score 0 and label and prior -1 (`Postprocess` of `network.py`). One operation, MulticlassNms,
    applies all limits; the translation of the ONNX nodes sorts the scores of all priors instead, which takes five times
    as long. Scores are computed class by class, because a softmax over few adjacent values cannot be vectorized.
    """
    op, rule, count = _operations(), config.detection, config.priors.count
    boxes = op.parameter([-1, count, 4], np.float32, name="boxes")
    logits = op.parameter([-1, count, classes + 1], np.float32, name="logits")
    rows, places, counts = op.multiclass_nms(
        boxes,
        _scores(op, logits, config),
        sort_result_type="score",
        sort_result_across_batch=False,
        output_type="i64",
        iou_threshold=_above(rule.nms_threshold),
        score_threshold=_above(rule.score_threshold),
        nms_top_k=rule.per_class,
        keep_top_k=rule.per_image,
        background_class=0,
    ).outputs()
    limit = min(rule.per_image, classes * min(rule.per_class, count))
    batch = op.gather(op.shape_of(boxes), _integers(0), np.int64(0))
    where = _rows_of_images(op, op.squeeze(places, np.int64(1)), counts, priors=count)
    label, score, corners = op.variadic_split(
        _filled(op, rows, where, [batch, _integers(limit, 6)], empty=np.zeros(6, np.float32)),
        np.int64(2),
        _integers(1, 1, 4),
    ).outputs()
    prior = op.mod(op.squeeze(places, np.int64(1)), np.int64(count))
    results = (
        op.clamp(corners, 0.0, 1.0),
        op.squeeze(score, np.int64(2)),
        op.convert(op.subtract(op.squeeze(label, np.int64(2)), np.float32(1)), "i64"),
        _filled(op, prior, where, [batch, _integers(limit)], empty=np.int64(-1)),
    )
    return import_openvino().Model([op.result(node) for node in results], [boxes, logits], "selection")


def _operations() -> Any:
    import_openvino()
    from openvino import opset13

    return opset13


def _integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def _above(threshold: float) -> float:
    """The next float32: MulticlassNms compares with "at least", the rule of `select` is "more than"."""
    return float(np.nextafter(np.float32(threshold), np.float32(np.inf)))


def _scores(op: Any, logits: Any, config: ModelConfig) -> Any:
    """Scores (B, C + 1, P), background included."""
    each_class = op.transpose(logits, _integers(0, 2, 1))
    return op.softmax(each_class, 1) if config.score_function == "softmax" else op.sigmoid(each_class)


def _rows_of_images(op: Any, places: Any, counts: Any, *, priors: int) -> Any:
    """The image and the row in it of each selected box (M, 2); `places` count the priors of all images."""
    image = op.divide(places, np.int64(priors))
    before = op.cumsum(counts, np.int64(0), exclusive=True)
    total = op.reduce_sum(counts, _integers(0))
    rank = op.subtract(op.range(np.int64(0), total, np.int64(1), "i64"), op.gather(before, image, np.int64(0)))
    return op.concat([op.unsqueeze(image, np.int64(1)), op.unsqueeze(rank, np.int64(1))], 1)


def _filled(op: Any, values: Any, where: Any, shape: list[Any], *, empty: Any) -> Any:
    """Rows of `empty`, with `values` in their places."""
    return op.scatter_nd_update(op.broadcast(empty, op.concat(shape, 0)), where, values)
