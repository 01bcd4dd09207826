"""Summaries of repeated measurements."""

from collections.abc import Sequence
from statistics import median

import numpy as np


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles, rounded to 3 decimals: {"median": ..., "q1": ..., "q3": ...}."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": round(float(middle), 3), "q1": round(float(low), 3), "q3": round(float(high), 3)}


def medians(rows: Sequence[dict[str, float]], *, digits: int = 3) -> dict[str, float]:
    """Median of each column; the columns are those of the first row."""
    return {name: round(median(row[name] for row in rows), digits) for name in rows[0]}
