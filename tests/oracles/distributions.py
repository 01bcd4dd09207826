"""Tests of whether two samples come from one distribution, at levels that make chance failures very unlikely."""

import numpy as np


def ks_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sample Kolmogorov-Smirnov distance times sqrt(nm / (n + m)); above t with probability below 2 exp(-2 t^2)."""
    levels = np.concatenate([a, b])
    curves = [np.searchsorted(np.sort(x), levels, side="right") / len(x) for x in (a, b)]
    return float(np.abs(curves[0] - curves[1]).max() * np.sqrt(len(a) * len(b) / (len(a) + len(b))))


def share_z(a: np.ndarray, runs_a: int, b: np.ndarray, runs_b: int) -> np.ndarray:
    """Difference of shares over its standard error under the pooled share; 0 if both are 0 or both 1."""
    pooled = (np.asarray(a) * runs_a + np.asarray(b) * runs_b) / (runs_a + runs_b)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / runs_a + 1 / runs_b))
    return np.where(np.abs(np.asarray(a) - b) < 1e-9, 0, (np.asarray(a) - b) / error)
