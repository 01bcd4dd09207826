"""One interface to files, image sequences and live sources, as the work on a video needs it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from multibox.video.detecting import Found, detect_each, detect_frames
from multibox.video.file import VideoFile
from multibox.video.live import TIMEOUT, LiveCounts, LiveSource
from multibox.video.sequence import USUAL_RATE, ImageSequence
from multibox.video.source import VideoSource
from multibox.video.stages import StageTimes

if TYPE_CHECKING:
    from multibox.detection.detector import Detector

Stop = Callable[[], bool]


@dataclass(frozen=True)
class Range:
    """Which frames are used, and how they are read; see `multibox.video.frames`. Live sources ignore start and end."""

    every: int = 1
    start: float = 0.0
    end: float | None = None
    rate: float = USUAL_RATE
    hardware: str | None = None
    timeout: float = TIMEOUT


@runtime_checkable
class Reader(Protocol):
    """A video that can be read once; rate in frames per second, and the file whose audio is copied."""

    @property
    def rate(self) -> float: ...
    @property
    def path(self) -> Path | None: ...
    @property
    def expected(self) -> int:
        """The number of frames that are expected, 0 if it is not known."""

    @property
    def problems(self) -> list[str]: ...
    @property
    def live(self) -> LiveCounts | None: ...
    def found(self, detector: "Detector", *, times: StageTimes, stop: Stop) -> Iterator[Found]: ...


def open_reader(source: VideoSource, chosen: Range, *, on_message: Callable[[str], object]) -> Reader:
    """The reader of a source. Raises DataError if a file is missing or is no video."""
    return LiveReader(source, chosen, on_message) if source.live else FileReader(source, chosen)


class FileReader:
    """A file or an image sequence: every frame of the range, in batches."""

    live: LiveCounts | None = None

    def __init__(self, source: VideoSource, chosen: Range) -> None:
        self._chosen = chosen
        self.path: Path | None = None
        self._video: VideoFile | ImageSequence
        if source.kind == "sequence":
            self._video, rate = ImageSequence(source.address, rate=chosen.rate), chosen.rate
            number: int | None = len(self._video.files())
        else:
            self.path = Path(source.address)
            self._video = VideoFile(self.path, hardware=chosen.hardware)
            facts = self._video.facts()
            rate, number = facts.rate, facts.number
        self.rate = rate / chosen.every
        self.expected = 0 if number is None else _within(number, chosen, rate)

    @property
    def problems(self) -> list[str]:
        return self._video.problems

    def found(self, detector: "Detector", *, times: StageTimes, stop: Stop) -> Iterator[Found]:
        """Detections in the frames of the range."""
        chosen = self._chosen
        frames = self._video.frames(every=chosen.every, start=chosen.start, end=chosen.end)
        return detect_frames(detector, frames, times=times)


class LiveReader:
    """A camera or a stream: the newest frame each time."""

    path: Path | None = None
    expected: int = 0

    def __init__(self, source: VideoSource, chosen: Range, on_message: Callable[[str], object]) -> None:
        self._source = LiveSource(source, timeout=chosen.timeout, hardware=chosen.hardware, on_message=on_message)
        self._every = chosen.every
        self.problems: list[str] = []

    @property
    def rate(self) -> float:
        return self._source.rate

    @property
    def live(self) -> LiveCounts | None:
        return self._source.counts

    def found(self, detector: "Detector", *, times: StageTimes, stop: Stop) -> Iterator[Found]:
        """Detections in the newest frame each time."""
        return detect_each(detector, self._source.frames(every=self._every, stop=stop), times=times)


def _within(number: int, chosen: Range, rate: float) -> int:
    first = round(chosen.start * rate)
    last = number if chosen.end is None else min(number, round(chosen.end * rate))
    return max(0, -(-(last - first) // chosen.every))
