"""Shares of the kinds of detections as their number grows: the numbers of Figure 3 of the SSD paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from multibox.evaluation.analysis.kinds import WRONG, Diagnosis, Kind

SHARES = ("correct", "localization", "similar", "other", "background")
MULTIPLES = tuple(2.0 ** (n / 4) for n in range(-12, 13))  # 1/8 to 8, with all powers of 2
COUNTS = tuple(round(25 * 2 ** (n / 4)) for n in range(29))  # 25 to 3200

_SHARE = {
    Kind.CORRECT: 0,
    Kind.LOCALIZATION: 1,
    Kind.DUPLICATE: 1,
    Kind.SIMILAR: 2,
    Kind.OTHER: 3,
    Kind.BACKGROUND: 4,
}


@dataclass(frozen=True, eq=False)
class Trend:
    """The numbers of one column of Figure 3: a group of classes.

    `shares` (multiple, kind of SHARES) sum to 1 in each row. `recall` and `loose_recall`, at IoU 0.5 and 0.1, are means
    over the classes with objects. Rows of multiples that no class of the group reaches are nan. `wrong` (count, kind
    except correct) sums to 1 in each row, or is nan if there are fewer false positives. `mean_objects` is the mean
    number of objects of a class, the unit of the multiples.
    """

    shares: Float64[np.ndarray, "m 5"]
    recall: Float64[np.ndarray, " m"]
    loose_recall: Float64[np.ndarray, " m"]
    wrong: Float64[np.ndarray, "t 4"]
    mean_objects: float

    def to_json(self) -> dict[str, Any]:
        return {
            "mean_objects": _rounded(self.mean_objects),
            "multiples": [round(value, 4) for value in MULTIPLES],
            "shares": dict(zip(SHARES, _rounded(self.shares.T), strict=True)),
            "recall": _rounded(self.recall),
            "loose_recall": _rounded(self.loose_recall),
            "false_positives": list(COUNTS),
            "false_positive_shares": dict(zip(SHARES[1:], _rounded(self.wrong.T), strict=True)),
        }


def trend(diagnosis: Diagnosis, *, labels: Sequence[int]) -> Trend:
    """Compute the trend of a group of classes.

    At the multiple k, a class with N objects contributes its best k N detections, rounded up, or all if it has fewer;
    counts are summed over the classes. Duplicates count as localization errors. Classes without objects contribute
    nothing. False positives of all classes are ordered by their rank among their class's detections, equal ranks by
    class. Ignored detections have no rank.
    The recall at IoU 0.1 has its own order: a detection that only repeats an object at this IoU moves behind all others
    of its class, so that it does not delay the objects that follow (`fixloc` in `analyzeFalsePositives.m`).
    Two rules differ from the authors' program. There a match of a difficult object keeps its rank in both orders and
    counts as correct in the shares, but not in the recall; here it has no rank. There `k N` is rounded to the nearest
    number for the two recalls, here up as for the shares.
    Source: `displayDetectionTrend2.m` and `displayFPTrend.m` of Hoiem et al. 2012.
    """
    ranked = {label: diagnosis.ranked(label) for label in labels}
    counted = {label: order for label, order in ranked.items() if diagnosis.num_objects[label] > 0}
    objects = np.array([diagnosis.num_objects[label] for label in counted], dtype=np.float64)
    most = max((len(order) / diagnosis.num_objects[label] for label, order in counted.items()), default=0.0)
    rows = [_at_multiple(diagnosis, counted, multiple if multiple <= most else None) for multiple in MULTIPLES]
    shares, recall, loose = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    return Trend(
        shares, recall, loose, _wrong_shares(diagnosis, ranked), float(objects.mean()) if len(objects) else float("nan")
    )


def _at_multiple(
    diagnosis: Diagnosis, ranked: dict[int, Int64[np.ndarray, " _"]], multiple: float | None
) -> tuple[Float64[np.ndarray, "5"], float, float]:
    """Compute shares of the kinds, recall, and recall at IoU 0.1; nan without a multiple."""
    if multiple is None:
        return np.full(5, np.nan), float("nan"), float("nan")
    counts = np.zeros(len(SHARES))
    recalls, loose = [], []
    for label, order in ranked.items():
        objects = diagnosis.num_objects[label]
        top = order[: int(np.ceil(multiple * objects))]
        counts += _count(diagnosis, top)
        recalls.append((diagnosis.kind[top] == Kind.CORRECT).sum() / objects)
        corrected = _duplicates_last(diagnosis, order)[: len(top)]
        loose.append(diagnosis.loose[corrected].sum() / objects)
    return counts / counts.sum(), float(np.mean(recalls)), float(np.mean(loose))


def _duplicates_last(diagnosis: Diagnosis, order: Int64[np.ndarray, " k"]) -> Int64[np.ndarray, " k"]:
    """Move the duplicates at IoU 0.1 to the end; the order is otherwise the same."""
    return order[np.argsort(diagnosis.loose_duplicate[order], kind="stable")]


def _count(diagnosis: Diagnosis, which: Int64[np.ndarray, " k"]) -> Float64[np.ndarray, "5"]:
    kinds = np.bincount(diagnosis.kind[which], minlength=len(Kind))
    counts = np.zeros(len(SHARES))
    for kind, share in _SHARE.items():
        counts[share] += kinds[kind]
    return counts


def _wrong_shares(diagnosis: Diagnosis, ranked: dict[int, Int64[np.ndarray, " _"]]) -> Float64[np.ndarray, "t 4"]:
    members = [(rank, n) for order in ranked.values() for rank, n in enumerate(order.tolist())]
    members.sort(key=lambda member: member[0])
    order = np.array([n for _, n in members], dtype=np.int64)
    order = order[np.isin(diagnosis.kind[order], WRONG)]
    rows = [_count(diagnosis, order[:count])[1:] / count for count in COUNTS if count <= len(order)]
    return np.array(rows + [np.full(4, np.nan)] * (len(COUNTS) - len(rows)))


def _rounded(value: Float64[np.ndarray, "..."] | float) -> Any:
    """Return plain numbers with 6 decimals; nan becomes None."""
    if isinstance(value, np.ndarray) and value.ndim:
        return [_rounded(entry) for entry in value]
    return None if np.isnan(value) else round(float(value), 6)
