"""Which detection continues which track: the cheapest assignment of boxes that overlap."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64

from multibox.errors import UsageError
from multibox.pairwise import pairwise_iou
from multibox.words import pip_install

_NEVER = 1e4  # the cost of pairs that must not be assigned


class Pairs(NamedTuple):
    """Rows of tracks and of detections that belong together, in the order of the tracks."""

    tracks: Int64[np.ndarray, " k"]
    detections: Int64[np.ndarray, " k"]


def import_lap() -> Any:
    """The package lap; UsageError if it is not installed."""
    try:
        import lap
    except ImportError:
        raise UsageError(f"tracking needs the package lap: {pip_install('av', 'lap')}") from None
    return lap


def overlap_cost(
    boxes: Float[np.ndarray, "n 4"],
    *,
    labels: Int64[np.ndarray, " n"],
    others: Float[np.ndarray, "m 4"],
    other_labels: Int64[np.ndarray, " m"],
    scores: Float[np.ndarray, " m"] | None = None,
) -> Float64[np.ndarray, "n m"]:
    """1 - IoU of each track with each detection, or 1 - IoU x score; pairs of different classes cost too much."""
    if len(boxes) == 0 or len(others) == 0:
        return np.zeros((len(boxes), len(others)))
    similarity = pairwise_iou(boxes, others=others)
    if scores is not None:
        similarity = similarity * scores[None]
    return np.where(labels[:, None] == other_labels[None], 1 - similarity, _NEVER)


def assign(cost: Float64[np.ndarray, "n m"], *, limit: float) -> Pairs:
    """The pairs of the assignment whose sum of costs is smallest, if each row that is left out costs `limit`.

    No pair costs more than `limit`. This is the problem that ByteTrack gives to lap (`lapjv` with `cost_limit`).
    """
    if cost.size == 0:
        empty = np.zeros(0, dtype=np.int64)
        return Pairs(empty, empty)
    _, columns, _ = import_lap().lapjv(cost, extend_cost=True, cost_limit=limit)
    columns = np.asarray(columns, dtype=np.int64)
    rows = np.flatnonzero(columns >= 0)
    return Pairs(rows, columns[rows])
