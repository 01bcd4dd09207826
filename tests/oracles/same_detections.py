"""Compares the detections of two programs, which may order equal scores differently."""

import numpy as np


def assert_same_detections(
    ours: tuple[np.ndarray, np.ndarray, np.ndarray],
    theirs: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    pixels: float,
    score: float,
) -> None:
    """(boxes, scores, labels) of both: as many, sorted scores equal to `score`, and each has its twin in the other.

    Twins have the same label, scores closer than `score` and boxes closer than `pixels` in every coordinate.
    """
    assert len(ours[1]) == len(theirs[1]) > 0
    assert np.abs(np.sort(ours[1]) - np.sort(theirs[1])).max() < score
    twin = (
        (np.abs(ours[0][:, None] - theirs[0]).max(axis=-1) < pixels)
        & (np.abs(ours[1][:, None] - theirs[1]) < score)
        & (ours[2][:, None] == theirs[2])
    )
    assert twin.any(axis=1).all(), np.flatnonzero(~twin.any(axis=1))
    assert twin.any(axis=0).all(), np.flatnonzero(~twin.any(axis=0))
