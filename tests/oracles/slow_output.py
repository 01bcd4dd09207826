"""DetectionOutput one box at a time, as detection_output_layer.cpp and bbox_util.cpp compute it."""

from collections.abc import Sequence

import numpy as np

from oracles import slow

Row = tuple[int, float, list[float]]


def detections(
    loc: np.ndarray,
    scores: np.ndarray,
    priors: np.ndarray,
    *,
    classes: int,
    code: str,
    background: int,
    threshold: float,
    nms: float,
    top_k: int,
    keep_top_k: int,
    eta: float = 1.0,
    encoded: bool = False,
) -> list[Row]:
    """(label, score, box) of all detections; `priors` has the corners, then the variances, as Caffe's blob."""
    corners, variances = (part.reshape(-1, 4).tolist() for part in priors.reshape(2, -1))
    variances = [[1.0] * 4] * len(corners) if encoded else variances
    offsets = loc.reshape(-1, 4).tolist()
    boxes = [decode(*three, code=code) for three in zip(offsets, corners, variances, strict=True)]
    rows: list[Row] = []
    for label in range(classes):
        if label == background:
            continue
        values = scores.reshape(-1, classes)[:, label]
        order = [i for i in np.argsort(-values, kind="stable").tolist() if values[i] > threshold]
        order = order[:top_k] if top_k > 0 else order
        kept = slow.adaptive_nms([boxes[i] for i in order], nms, eta)
        rows += [(label, float(values[order[k]]), boxes[order[k]]) for k in kept]
    rows.sort(key=lambda row: -row[1])
    return rows[:keep_top_k] if keep_top_k > 0 else rows


def decode(offsets: Sequence[float], prior: Sequence[float], variances: Sequence[float], *, code: str) -> list[float]:
    if code == "CENTER_SIZE":
        return slow.decode(offsets, prior, variances)
    return slow.decode_corners(offsets, prior, variances, sized=code == "CORNER_SIZE")
