"""IoU of numpy boxes in double precision; `multibox.boxes.iou` computes it on tensors."""

import numpy as np
from jaxtyping import Float, Float64


def pairwise_iou(boxes: Float[np.ndarray, "n 4"], *, others: Float[np.ndarray, "m 4"]) -> Float64[np.ndarray, "n m"]:
    """Intersection over union of every pair of corner boxes; 0 if neither box of a pair has an area."""
    return _iou(boxes.astype(np.float64).T[:, :, None], others.astype(np.float64).T[:, None])


def aligned_iou(boxes: Float[np.ndarray, "n 4"], *, others: Float[np.ndarray, "n 4"]) -> Float64[np.ndarray, " n"]:
    """Intersection over union of each box with the one in the same row; the values are those of `pairwise_iou`."""
    return _iou(boxes.astype(np.float64).T, others.astype(np.float64).T)


def _iou(first: Float64[np.ndarray, "4 *n"], second: Float64[np.ndarray, "4 *m"]) -> Float64[np.ndarray, "*k"]:
    x1, y1, x2, y2 = first
    left, top, right, bottom = second
    width = np.minimum(x2, right) - np.maximum(x1, left)
    height = np.minimum(y2, bottom) - np.maximum(y1, top)
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    union = (x2 - x1) * (y2 - y1) + (right - left) * (bottom - top) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
