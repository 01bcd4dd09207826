"""Before the first request: run a detector for each size of a batch, and find the size that is fastest for an image."""

import time

import numpy as np

from multibox.detection.detector import Detector
from multibox.images.prepare import Prepared

_ROUNDS = 5
_SECONDS = 0.5  # for each size; slow detectors get fewer rounds
_LOSS = 1.03
"""A smaller batch, which answers sooner, is preferred if an image takes at most so many times as long in it."""


def warm_up(detector: Detector, *, most: int) -> int:
    """The number of images that should go through the network together, `most` at most.

    On a processor a batch may be slower than its images one after the other, because it does not fit the caches.
    """
    seconds = {size: _seconds_each(detector, size) for size in _sizes(most)}
    best = min(seconds.values())
    chosen = min(size for size, each in seconds.items() if each <= _LOSS * best)
    for size in range(1, min(chosen, 16)):  # sizes that were not measured are slow when they are used first
        if size not in seconds:
            _run(detector, size)
    return chosen


def _sizes(most: int) -> list[int]:
    """1, 2, 4, ... and `most`."""
    return sorted({*(1 << power for power in range(most.bit_length())), most})


def _seconds_each(detector: Detector, size: int) -> float:
    """The shortest time of several rounds; the first run prepares and does not count."""
    _run(detector, size)
    times: list[float] = []
    while not times or (len(times) < _ROUNDS and sum(times) < _SECONDS):
        started = time.perf_counter()
        _run(detector, size)
        times.append(time.perf_counter() - started)
    return min(times) / size


def _run(detector: Detector, size: int) -> None:
    height, width = detector.input_size
    gray = Prepared(np.full((height, width, 3), 128, np.uint8), detector.input_size)
    detector.detect_batch([gray] * size)
