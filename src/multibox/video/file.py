"""Frames of a video file: every frame or some, with the times and indices that they have in the file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multibox.errors import DataError
from multibox.size import Size
from multibox.video.frame import Frame
from multibox.video.input import import_av, open_file, readable, require_allowed, video_stream
from multibox.video.upright import turn_of
from multibox.words import counted

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_MICROSECOND = 1_000_000
_ENDS_EARLY = 0.9  # of the stated number of frames
_BACKWARD = (0.0, 2.0, 20.0, None)
"""Seconds before the wanted time to which reading goes back, because containers find key frames by their own rules."""


@dataclass
class VideoFile:
    """A video file that can be read any number of times.

    `problems` has a line for each thing that was wrong in the last reading: damaged parts that were left out, an end
    before the stated one. Frames of a damaged part are missing; the times of the others are right.
    """

    path: Path
    hardware: str | None = None
    problems: list[str] = field(default_factory=list)

    def facts(self) -> "VideoFacts":
        """Size, rate, duration and number of frames as the file states them. Raises DataError as `frames` does."""
        with open_file(self.path) as container:
            stream = video_stream(container, name=str(self.path))
            rate = float(stream.average_rate or stream.guessed_rate or 25)
            seconds = None if container.duration is None else container.duration / _MICROSECOND
            number = stream.frames or (round(seconds * rate) if seconds else None)
            return VideoFacts(Size(stream.height, stream.width), rate, seconds, number)

    def frames(self, *, every: int = 1, start: float = 0.0, end: float | None = None) -> Iterator[Frame]:
        """Frames with start <= time < end seconds whose index is a multiple of `every`.

        Raises DataError if the file is missing, is not a video, or has no frame that can be decoded.
        """
        self.problems = []
        numbers = count(self._index_at(start) if start > 0 else 0)
        for back in _BACKWARD if start > 0 else (None,):
            reading = self._read(None if back is None else max(0.0, start - back))
            first = next(reading, None)
            if first is not None and first[1] <= start:
                break
        for decoded, time in () if first is None else chain((first,), reading):
            if end is not None and time >= end:
                return
            if time >= start and (index := next(numbers)) % every == 0:
                yield Frame(self._image(decoded), time, index)
        if end is None:
            self._check_end(next(numbers), start=start)

    def _read(self, start: float | None) -> Iterator[tuple[Any, float]]:
        """Decoded frames with their times from a key frame near `start` on, or all; damaged packets are left out."""
        av = import_av()
        damaged = 0
        with open_file(self.path, hardware=self.hardware) as container, readable(str(self.path)):
            stream = video_stream(container, name=str(self.path))
            stream.thread_type = "AUTO"
            if start is not None:
                _seek(container, start)
            times = _Clock(container, stream)
            for packet in self._packets(container, stream):
                try:
                    for decoded in packet.decode():
                        yield decoded, times.of(decoded)
                except av.error.InvalidDataError:
                    damaged += 1
        if damaged:
            self.problems.append(
                f"{self.path}: {counted(damaged, 'part')} could not be decoded; the frames are missing"
            )

    def _packets(self, container: "InputContainer", stream: "VideoStream") -> Iterator[Any]:
        """The packets of the stream up to the end, or up to damage that hides all further ones."""
        av = import_av()
        read = 0
        try:
            for packet in container.demux(stream):
                yield packet
                read += 1
        except av.error.InvalidDataError:
            if read == 0:
                raise
            self.problems.append(f"{self.path}: cannot be read to its end; it is cut off or damaged")

    def _image(self, decoded: Any) -> Any:
        require_allowed(decoded.width, decoded.height, name=str(self.path))
        return turn_of(decoded).apply(decoded.to_ndarray(format="rgb24"))

    def _index_at(self, start: float) -> int:
        """The number of frames before `start` seconds, by the times of all packets up to there."""
        with open_file(self.path) as container, readable(str(self.path)):
            stream = video_stream(container, name=str(self.path))
            times, before = _Clock(container, stream), 0
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                if (packet.dts is not None) and times.of(packet, stamp=packet.dts) >= start:
                    break
                before += times.of(packet) < start
            return before

    def _check_end(self, number: int, *, start: float) -> None:
        """Note a file that is cut off; raise DataError if no frame of it can be decoded."""
        stated = self.facts().number or 0
        if number == 0 and start == 0:
            raise DataError(f"cannot read the video {self.path}: no frame can be decoded; it is damaged or cut off")
        if number < _ENDS_EARLY * stated:
            self.problems.append(f"{self.path}: has {number:,} of {stated:,} frames; it is cut off or damaged")


@dataclass(frozen=True)
class VideoFacts:
    """What a video states: size as stored, frames per second, seconds and number of frames if they are known."""

    size: Size
    rate: float
    seconds: float | None
    number: int | None


class _Clock:
    """Times in seconds from the start of the file; a frame without a time follows the one before."""

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self._start = (container.start_time or 0) / _MICROSECOND
        self._base = float(stream.time_base or 1 / 90_000)
        self._step = 1 / float(stream.average_rate or stream.guessed_rate or 25)
        self._last: float | None = None

    def of(self, timed: Any, *, stamp: int | None = None) -> float:
        """The time of a frame or a packet, by `stamp` instead of its presentation time if it is given."""
        ticks = timed.pts if stamp is None else stamp
        if ticks is None:
            time = 0.0 if self._last is None else self._last + self._step
        else:
            time = ticks * self._base - self._start
        self._last = time
        return time


def _seek(container: "InputContainer", start: float) -> None:
    """Go to the last key frame before `start` seconds; without an index, reading begins at the start."""
    av = import_av()
    try:
        container.seek(round(start * _MICROSECOND) + (container.start_time or 0))
    except av.error.FFmpegError:
        return
