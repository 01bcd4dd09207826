"""The work on one video: frames in, detections out, in files and to a callback."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from multibox.detection.output.record import Record
from multibox.video.detecting import Found, detect_frames
from multibox.video.file import VideoFile
from multibox.video.frame import Frame
from multibox.video.outputs import VideoOutputs, WantedFiles, video_outputs
from multibox.video.sequence import USUAL_RATE, ImageSequence
from multibox.video.source import VideoSource
from multibox.video.stages import StageTimes

if TYPE_CHECKING:
    from multibox.detection.detector import Detector


@dataclass(frozen=True)
class Range:
    """Which frames of a file are used, and how they are decoded; see `multibox.video.frames`."""

    every: int = 1
    start: float = 0.0
    end: float | None = None
    rate: float = USUAL_RATE
    hardware: str | None = None


@dataclass
class Work:
    """What was done with one video: frames, seconds, the time of the last frame, stages, and what went wrong."""

    frames: int = 0
    seconds: float = 0.0
    time: float | None = None
    stopped: bool = False
    times: StageTimes = field(default_factory=StageTimes)
    problems: list[str] = field(default_factory=list)


Show = Callable[[Found, Record], object]
"""Called with each frame and its record."""


def process_file(
    source: VideoSource,
    detector: "Detector",
    *,
    name: str,
    labels: frozenset[int] | None = None,
    kept: float = 0.0,
    frames: Range = Range(),
    wanted: WantedFiles | None = None,
    show: Show = lambda found, record: None,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], object] = lambda done, total: None,
) -> Work:
    """Detect in the frames of a file or an image sequence; `name` is that of its results in `wanted.folder`.

    Detections of classes other than `labels` and with scores below `kept` are dropped. After each frame `stop` is
    asked; when it returns True the files are completed with what is there. `on_progress` gets the number of frames
    and the expected total, 0 if it is not known. Raises the errors of the reader and of the files.
    """
    work, reader = Work(), _Reader(source, frames)
    started = perf_counter()
    with ExitStack() as stack:
        outputs = None
        if wanted is not None:
            outputs, problems = stack.enter_context(
                video_outputs(
                    name,
                    wanted,
                    detector.class_names,
                    draw=_draw_above(wanted.shown),
                    times=work.times,
                    rate=reader.rate / frames.every,
                    start=frames.start,
                    source=reader.path,
                )
            )
            work.problems = problems
        found = detect_frames(detector, reader.frames(), times=work.times)
        stack.callback(found.close)
        for one in _selected(found, labels, kept):
            _use(one, source.address, outputs, show)
            work.frames, work.time = work.frames + 1, one.frame.time
            on_progress(work.frames, reader.expected)
            if stop():
                work.stopped = True
                break
    work.seconds = perf_counter() - started
    work.problems += reader.problems
    return work


def _use(found: Found, address: str, outputs: VideoOutputs | None, show: Show) -> None:
    record = Record(address, found.detections, index=found.frame.index, time=found.frame.time)
    if outputs is not None:
        outputs.add(found, record)
    show(found, record)


def _selected(found: Iterator[Found], labels: frozenset[int] | None, kept: float) -> Iterator[Found]:
    for frame, detections in found:
        yield Found(frame, detections.of_classes(labels).above(kept))


def _draw_above(shown: float) -> Callable[[Found], UInt8[np.ndarray, "h w 3"]]:
    return lambda found: found.detections.above(shown).draw(found.frame.image)


class _Reader:
    """A file or an image sequence, with its rate and the number of frames that are expected of it."""

    def __init__(self, source: VideoSource, chosen: Range) -> None:
        self._chosen = chosen
        self.path: Path | None = None
        self._video: VideoFile | ImageSequence
        if source.kind == "sequence":
            self._video, self.rate = ImageSequence(source.address, rate=chosen.rate), chosen.rate
            number: int | None = len(self._video.files())
        else:
            self.path = Path(source.address)
            self._video = VideoFile(self.path, hardware=chosen.hardware)
            facts = self._video.facts()
            self.rate, number = facts.rate, facts.number
        self.expected = 0 if number is None else self._within(number)

    @property
    def problems(self) -> list[str]:
        return self._video.problems

    def frames(self) -> Iterator[Frame]:
        chosen = self._chosen
        return self._video.frames(every=chosen.every, start=chosen.start, end=chosen.end)

    def _within(self, number: int) -> int:
        first = round(self._chosen.start * self.rate)
        last = number if self._chosen.end is None else min(number, round(self._chosen.end * self.rate))
        return max(0, -(-(last - first) // self._chosen.every))
