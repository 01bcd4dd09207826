"""Detections in the frames of a video, while further frames are decoded."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from multibox.detections import Detections
from multibox.errors import DataError
from multibox.video.ahead import ahead
from multibox.video.frame import Frame
from multibox.video.stages import StageTimes

if TYPE_CHECKING:
    from multibox.detection.detector import Detector

DECODE, NETWORK, _WAIT = "decode", "resize and network", "wait"


@runtime_checkable
class Drawn(Protocol):
    """What is drawn instead of the detections."""

    def draw(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]: ...


class Found(NamedTuple):
    """A frame and what was found in it; `extra` is added to JSON, and `drawn` replaces the detections in drawings."""

    frame: Frame
    detections: Detections
    extra: Mapping[str, Any] = MappingProxyType({})
    drawn: Drawn | None = None


def detect_frames(detector: "Detector", frames: Iterable[Frame], *, times: StageTimes) -> Generator[Found, None, None]:
    """Detections in every frame, in batches; a thread decodes up to two batches of frames ahead."""
    waiting: deque[Frame] = deque()
    decoded = ahead(times.timed(DECODE, frames), count=2 * detector.batch_size)

    def images() -> Iterator[np.ndarray]:
        for frame in times.timed(_WAIT, decoded):
            waiting.append(frame)
            yield frame.image

    try:
        for found in times.timed(NETWORK, detector.try_each(images())):
            if isinstance(found, DataError):
                raise found
            yield Found(waiting.popleft(), found)
    finally:
        decoded.close()
        times.less(NETWORK, _WAIT)


def detect_each(detector: "Detector", frames: Iterable[Frame], *, times: StageTimes) -> Iterator[Found]:
    """Detections in one frame after the other, each as soon as it is there: for live sources."""
    for frame in frames:
        with times.measure(NETWORK):
            found = detector(frame.image)
        yield Found(frame, found)
