"""The ONNX nodes of the selection of detections, `multibox.nms.select`; needs onnxscript."""

from typing import Any

from onnxscript import opset18

op: Any = opset18  # its argument types reject constants


def select(
    boxes: Any, scores: Any, score_threshold: float, nms_threshold: float, per_class: int, per_image: int
) -> Any:
    """The operator multibox::select, for boxes (B, P, 4) and scores (B, P, C).

    NonMaxSuppression has no limit before it suppresses, so the best `per_class` of each class are taken first, and each
    class of each image becomes a batch entry. Equal scores are in order of class, then prior.
    """
    priors, classes = scores.shape[1], scores.shape[2]
    best = min(per_class, priors)
    each_class = op.Transpose(scores, perm=[0, 2, 1])
    zero = op.Constant(value_float=0.0)
    passing = op.Where(op.Greater(each_class, op.Constant(value_float=score_threshold)), each_class, zero)
    values, places = op.TopK(passing, op.Constant(value_ints=[best]), axis=2)
    candidate_priors = _reshaped(places, 0, classes * best, 1)
    candidates = op.GatherND(boxes, candidate_priors, batch_dims=1)
    kept = op.NonMaxSuppression(
        _reshaped(candidates, -1, best, 4),
        _reshaped(values, -1, 1, best),
        op.Constant(value_ints=[min(best, per_image)]),
        op.Constant(value_floats=[nms_threshold]),
        op.Constant(value_floats=[0.0]),
    )
    where = op.Gather(kept, op.Constant(value_ints=[0, 2]), axis=1)
    by_row = _reshaped(values, -1, best)
    survivors = op.ScatterND(op.Mul(by_row, zero), where, op.GatherND(by_row, where))
    limit = op.Constant(value_ints=[min(per_image, classes * best)])
    best_scores, best_places = op.TopK(_reshaped(survivors, -1, classes * best), limit, axis=1)
    rows = op.Unsqueeze(best_places, op.Constant(value_ints=[2]))
    best_boxes = op.Clip(op.GatherND(candidates, rows, batch_dims=1), zero, op.Constant(value_float=1.0))
    best_priors = op.Squeeze(op.GatherND(candidate_priors, rows, batch_dims=1), op.Constant(value_ints=[2]))
    filled, unfilled = op.Greater(best_scores, zero), op.Constant(value_int=-1)
    return (
        op.Where(op.Unsqueeze(filled, op.Constant(value_ints=[2])), best_boxes, zero),
        best_scores,
        op.Where(filled, op.Div(best_places, op.Constant(value_int=best)), unfilled),
        op.Where(filled, best_priors, unfilled),
    )


def _reshaped(x: Any, *shape: int) -> Any:
    return op.Reshape(x, op.Constant(value_ints=list(shape)))
