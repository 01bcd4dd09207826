"""Slow, plain implementations for tests of tracks: a Kalman filter with whole matrices, assignment, MOTA and IDF1.

CLEAR MOT: Bernardin and Stiefelhagen, 2008. IDF1: Ristani et al., ECCV workshops 2016. Frames are dictionaries from id
to box (x1, y1, x2, y2).
"""

from itertools import product

import numpy as np

Frame = dict[int, tuple[float, float, float, float]]


class MatrixFilter:
    """The filter of DeepSORT for one box, with matrices of 8 x 8 and an inverse, for steps of any length."""

    def __init__(self, box):
        x, y, a, h = self._measured(box)
        self.mean = np.array([x, y, a, h, 0, 0, 0, 0], dtype=float)
        deviations = [h / 10, h / 10, 1e-2, h / 10, h / 16, h / 16, 1e-5, h / 16]
        self.covariance = np.diag(np.square(deviations))

    def predict(self, steps):
        h = self.mean[3]
        motion = np.eye(8)
        motion[:4, 4:] = steps * np.eye(4)
        noise = np.diag(np.square([h / 20, h / 20, 1e-2, h / 20, h / 160, h / 160, 1e-5, h / 160])) * steps
        self.mean = motion @ self.mean
        self.covariance = motion @ self.covariance @ motion.T + noise

    def correct(self, box):
        h = self.mean[3]
        look = np.eye(4, 8)
        noise = np.diag(np.square([h / 20, h / 20, 1e-1, h / 20]))
        total = look @ self.covariance @ look.T + noise
        gain = self.covariance @ look.T @ np.linalg.inv(total)
        self.mean = self.mean + gain @ (self._measured(box) - look @ self.mean)
        self.covariance = self.covariance - gain @ total @ gain.T

    def box(self):
        x, y, a, h = self.mean[:4]
        return np.array([x - a * h / 2, y - h / 2, x + a * h / 2, y + h / 2])

    @staticmethod
    def _measured(box):
        x1, y1, x2, y2 = box
        return np.array([(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1])


def cheapest_assignment(cost, limit):
    """The smallest sum of costs over all ways to assign rows to columns; a row that is left out costs `limit`."""
    rows, columns = cost.shape
    best = (float("inf"), ())
    for choice in product(range(-1, columns), repeat=rows):
        used = [column for column in choice if column >= 0]
        if len(used) == len(set(used)):
            total = sum(limit if column < 0 else cost[row, column] for row, column in enumerate(choice))
            best = min(best, (total, choice))
    return best


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (areas - width * height)


def best_matching(weights: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest sum of weights, each row and column once, by trying all in turn."""
    rows = sorted({row for row, _ in weights})
    columns = {column: bit for bit, column in enumerate(sorted({column for _, column in weights}))}
    best: dict[int, tuple[float, tuple[tuple[int, int], ...]]] = {0: (0.0, ())}
    for row in rows:
        after = dict(best)
        for used, (total, pairs) in best.items():
            for column, bit in columns.items():
                weight = weights.get((row, column))
                if weight is None or used >> bit & 1:
                    continue
                state, value = used | 1 << bit, total + weight
                if value > after.get(state, (-1.0, ()))[0]:
                    after[state] = (value, (*pairs, (row, column)))
        best = after
    return list(max(best.values(), key=lambda entry: entry[0])[1])


def mota(truth: list[Frame], found: list[Frame]) -> float:
    """1 - (misses + false positives + switches) / objects, at IoU 0.5; matches of the frame before have priority."""
    errors = objects = 0
    current: dict[int, int] = {}
    last: dict[int, int] = {}
    for true, tracked in zip(truth, found, strict=True):
        objects += len(true)
        kept = {t: f for t, f in current.items() if t in true and f in tracked and iou(true[t], tracked[f]) >= 0.5}
        rest = {
            (t, f): iou(true[t], tracked[f]) + 1
            for t in true
            for f in tracked
            if t not in kept and f not in kept.values() and iou(true[t], tracked[f]) >= 0.5
        }
        current = kept | dict(best_matching(rest))
        switches = sum(t in last and last[t] != f for t, f in current.items())
        last |= current
        errors += len(true) - len(current) + len(tracked) - len(current) + switches
    return 1 - errors / objects


def idf1(truth: list[Frame], found: list[Frame]) -> float:
    """2 IDTP / (boxes of truth + boxes found), for the one-to-one mapping of ids that makes it largest, at IoU 0.5."""
    together: dict[tuple[int, int], float] = {}
    for true, tracked in zip(truth, found, strict=True):
        for t, f in product(true, tracked):
            if iou(true[t], tracked[f]) >= 0.5:
                together[t, f] = together.get((t, f), 0) + 1
    matched = sum(together[pair] for pair in best_matching(together))
    return 2 * matched / (sum(map(len, truth)) + sum(map(len, found)))
