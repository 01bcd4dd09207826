"""SSD's mathematics as in the paper: one number at a time, in double precision, without optimization.

Boxes are rows of (x1, y1, x2, y2). Nothing here uses the package.
"""

from collections.abc import Callable, Sequence
from math import exp, log, sqrt

import numpy as np

Box = Sequence[float]
LEAST_OVERLAP = 1e-6


def area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def iou(a: Box, b: Box) -> float:
    """Area of the intersection over area of the union; 0 if the boxes do not intersect."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (area(a) + area(b) - width * height)


def match(
    priors: Sequence[Box], objects: Sequence[Box], *, threshold: float = 0.5, usable: Sequence[bool] | None = None
) -> tuple[list[int], list[float]]:
    """Object of each prior (-1 none, -2 takes no part) and overlap, by the two steps of facts C.4."""
    part = usable if usable is not None else [True] * len(priors)
    table = [[iou(p, o) if ok else 0.0 for o in objects] for p, ok in zip(priors, part, strict=True)]
    table = [[v if v > LEAST_OVERLAP else 0.0 for v in row] for row in table]
    return match_table(table, threshold=threshold, usable=part)


def match_table(
    table: Sequence[Sequence[float]], *, threshold: float, usable: Sequence[bool]
) -> tuple[list[int], list[float]]:
    """The two steps, given overlap[prior][object]."""
    index = [-1 if ok else -2 for ok in usable]
    overlap = [max(row, default=0.0) for row in table]
    waiting = list(range(len(table[0]))) if table else []
    while waiting:
        best, chosen = 0.0, None
        for p, row in enumerate(table):
            for o in waiting:
                if index[p] == -1 and row[o] > best:
                    best, chosen = row[o], (p, o)
        if chosen is None:
            break
        index[chosen[0]], overlap[chosen[0]] = chosen[1], best
        waiting.remove(chosen[1])
    for p, row in enumerate(table):
        if index[p] == -1 and row and max(row) >= threshold:
            index[p] = row.index(max(row))
    return index, overlap


def encode(box: Box, prior: Box, variances: Sequence[float]) -> list[float]:
    """Equation 2: center and size of the box as the prior (corners) sees them, divided by the variances."""
    (bx, by, bw, bh), (px, py, pw, ph) = center_form(box), center_form(prior)
    plain = ((bx - px) / pw, (by - py) / ph, log(bw / pw), log(bh / ph))
    return [value / variance for value, variance in zip(plain, variances, strict=True)]


def decode(offsets: Sequence[float], prior: Box, variances: Sequence[float]) -> list[float]:
    dx, dy, dw, dh = (value * variance for value, variance in zip(offsets, variances, strict=True))
    px, py, pw, ph = center_form(prior)
    cx, cy, w, h = px + dx * pw, py + dy * ph, pw * exp(dw), ph * exp(dh)
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]


def decode_corners(offsets: Sequence[float], prior: Box, variances: Sequence[float], *, sized: bool) -> list[float]:
    """CORNER and, if `sized`, CORNER_SIZE of DecodeBBox in bbox_util.cpp."""
    width, height = (prior[2] - prior[0], prior[3] - prior[1]) if sized else (1, 1)
    dx1, dy1, dx2, dy2 = (value * variance for value, variance in zip(offsets, variances, strict=True))
    return [prior[0] + dx1 * width, prior[1] + dy1 * height, prior[2] + dx2 * width, prior[3] + dy2 * height]


def center_form(box: Box) -> tuple[float, float, float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]


def adaptive_nms(boxes: Sequence[Box], threshold: float, eta: float) -> list[int]:
    """Positions of the boxes, best first, that ApplyNMSFast keeps with a threshold that falls."""
    kept: list[int] = []
    for i, box in enumerate(boxes):
        if all(iou(box, boxes[k]) <= threshold for k in kept):
            kept.append(i)
            if threshold > 0.5:
                threshold *= eta
    return kept


def cross_entropy(logits: Sequence[float], target: int) -> float:
    """-log softmax of the target."""
    largest = max(logits)
    return log(sum(exp(v - largest) for v in logits)) + largest - logits[target]


def binary_cross_entropies(logits: Sequence[float], target: int) -> float:
    """The sum over all outputs, background included, of -log p for the target and -log (1 - p) for the others."""
    chances = [1 / (1 + exp(-v)) for v in logits]
    return -sum(log(p if k == target else 1 - p) for k, p in enumerate(chances))


def smooth_l1(difference: float) -> float:
    return 0.5 * difference**2 if abs(difference) < 1 else abs(difference) - 0.5


def mine(
    background_loss: Sequence[float], index: Sequence[int], overlap: Sequence[float], *, ratio: float, if_none: int
) -> list[int]:
    """Hard negatives of one image (facts C.5): the candidates with the largest loss, `ratio` for each positive."""
    positives = sum(i >= 0 for i in index)
    wanted = int(positives * ratio) if positives else if_none
    candidates = [p for p, i in enumerate(index) if i == -1 and overlap[p] < 0.5]
    return sorted(sorted(candidates, key=lambda p: -background_loss[p])[:wanted])


def multibox_loss(
    offsets: np.ndarray,
    logits: np.ndarray,
    objects: Sequence[Sequence[Box]],
    labels: Sequence[Sequence[int]],
    *,
    priors: Sequence[Box],
    variances: Sequence[float],
    alpha: float = 1.0,
    if_none: int = 0,
    usable: Sequence[bool] | None = None,
    class_loss: Callable[[Sequence[float], int], float] = cross_entropy,
) -> tuple[float, float, int, int]:
    """Equation 1 for a batch: location and confidence, both divided by N, then positives and negatives."""
    location = confidence = 0.0
    positives = negatives = 0
    for b, boxes in enumerate(objects):
        index, overlap = match(priors, boxes, usable=usable)
        background = [class_loss(row, 0) for row in logits[b]]
        chosen = mine(background, index, overlap, ratio=3, if_none=if_none)
        confidence += sum(background[p] for p in chosen)
        negatives += len(chosen)
        for p, o in enumerate(index):
            if o < 0:
                continue
            positives += 1
            confidence += class_loss(logits[b][p], labels[b][o] + 1)
            wanted = encode(boxes[o], priors[p], variances)
            location += alpha * sum(smooth_l1(m - w) for m, w in zip(offsets[b][p], wanted, strict=True))
    n = max(1, positives)
    return location / n, confidence / n, positives, negatives


def detections(
    boxes: Sequence[Box],
    scores: Sequence[Sequence[float]],
    *,
    least: float = 0.01,
    nms: float = 0.45,
    per_class: int = 400,
    per_image: int = 200,
) -> list[tuple[int, int]]:
    """(prior, class) of the remaining detections, best first (facts C.8), class by class; equal scores by index."""
    kept: list[tuple[int, int]] = []
    for c in range(len(scores[0]) if len(scores) else 0):
        order = sorted((p for p in range(len(scores)) if scores[p][c] > least), key=lambda p: -scores[p][c])
        survivors: list[int] = []
        for p in order[:per_class]:
            if all(iou(boxes[p], boxes[other]) <= nms for other in survivors):
                survivors.append(p)
        kept += [(p, c) for p in survivors]
    return sorted(kept, key=lambda pc: (-scores[pc[0]][pc[1]], pc))[:per_image]


def prior_boxes(
    cells: tuple[int, int],
    step: tuple[float, float],
    sizes: tuple[float, float | None],
    ratios: Sequence[float],
    image: tuple[int, int],
) -> list[list[float]]:
    """Corners of one map's priors (facts C.1): rows, columns, then square, larger square, each ratio and reciprocal."""
    small, large = sizes
    shapes = [(small, small)] + ([(sqrt(small * large),) * 2] if large is not None else [])
    for r in ratios:
        shapes += [(small * sqrt(r), small / sqrt(r)), (small / sqrt(r), small * sqrt(r))]
    height, width = image
    boxes = []
    for i in range(cells[0]):
        for j in range(cells[1]):
            y, x = (i + 0.5) * step[0], (j + 0.5) * step[1]
            for w, h in shapes:
                boxes.append([(x - w / 2) / width, (y - h / 2) / height, (x + w / 2) / width, (y + h / 2) / height])
    return boxes


def l2_norm(x: np.ndarray, scale: Sequence[float], *, eps: float = 1e-10) -> np.ndarray:
    """Each position of (B, C, H, W) divided by its length over the channels, times a factor for each channel."""
    y = np.zeros(x.shape)
    for b, i, j in np.ndindex(x.shape[0], *x.shape[2:]):
        length = sqrt(sum(float(v) ** 2 for v in x[b, :, i, j]) + eps)
        for c in range(x.shape[1]):
            y[b, c, i, j] = x[b, c, i, j] / length * scale[c]
    return y
