"""The size of a batch: which one is chosen for detectors that take a known time."""

from collections.abc import Callable, Sequence

import pytest

from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.images.prepare import Prepared
from multibox.service.warm_up import warm_up
from multibox.size import Size
from multibox.system.clock import Clock


class TimedDetector(Detector):
    """Moves a clock forward by a function of the batch size."""

    input_size = Size(8, 8)

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.seconds, self.now = seconds, 0.0
        self.sizes: list[int] = []

    def detect_batch(self, images: Sequence[Prepared], *, clock: Clock | None = None) -> list[Detections]:
        self.sizes.append(len(images))
        self.now += self.seconds(len(images))
        return []


@pytest.mark.parametrize(
    ("seconds", "most", "chosen"),
    [
        (lambda size: 0.010 * size, 8, 1),
        (lambda size: 0.020 + 0.001 * size, 8, 8),
        (lambda size: 0.010 * size**1.5, 8, 1),
        (lambda size: 0.020 + 0.010 * size + (0.1 if size > 4 else 0), 8, 4),
        (lambda size: 0.010 + 0.010 * size, 6, 6),
        (lambda size: 0.010 * size, 1, 1),
    ],
)
def test_the_fastest_size_is_chosen(
    seconds: Callable[[int], float], most: int, chosen: int, monkeypatch: pytest.MonkeyPatch
):
    """Equal, falling and rising time for an image; each size that can occur ran before the first request."""
    detector = TimedDetector(seconds)
    monkeypatch.setattr("multibox.service.warm_up.time.perf_counter", lambda: detector.now)
    assert warm_up(detector, most=most) == chosen
    assert set(range(1, chosen + 1)) <= set(detector.sizes)
