"""The work on one video: frames in, detections and tracks out, in files and to a callback."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from multibox.detection.output.record import Record
from multibox.video.detecting import Found
from multibox.video.following import Follower, Following
from multibox.video.live import LiveCounts
from multibox.video.outputs import Kept, VideoOutputs, WantedFiles, kept_lines, video_outputs
from multibox.video.reader import Range, Reader, open_reader
from multibox.video.source import VideoSource, without_password
from multibox.video.stages import StageTimes

if TYPE_CHECKING:
    from multibox.detection.detector import Detector

TRACK = "track"


@dataclass(frozen=True)
class Job:
    """What is done with a video: frames that are read, classes and scores that are kept, tracks, and files."""

    frames: Range = field(default_factory=Range)
    labels: frozenset[int] | None = None
    kept: float = 0.0
    following: Following | None = None
    wanted: WantedFiles | None = None


@dataclass
class Work:
    """What was done: frames of `expected`, seconds, time of the last frame, stages, and what went wrong.

    `tracks` has the number of tracks by class, `counts` those of lines and zones, and `live` what happened to a stream.
    """

    frames: int = 0
    expected: int = 0
    seconds: float = 0.0
    time: float | None = None
    stopped: bool = False
    times: StageTimes = field(default_factory=StageTimes)
    problems: list[str] = field(default_factory=list)
    tracks: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    live: LiveCounts | None = None


Show = Callable[[Found, Record], object]
"""Called with each frame and its record."""


def process_video(
    source: VideoSource,
    detector: "Detector",
    job: Job,
    *,
    name: str,
    show: Show = lambda found, record: None,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Work], object] = lambda work: None,
    on_message: Callable[[str], object] = lambda text: None,
) -> Work:
    """Detect in the frames of a video, follow objects, and write what is wanted; `name` is that of the files.

    Tracks see all detections of the kept classes; detections with scores below `job.kept` are dropped after that.
    After each frame `stop` is asked; when it returns True the files are completed with what is there. `on_message` gets
    a line when the connection to a live source is lost or made again. Raises the errors of the reader and of the files.
    """
    reader = open_reader(source, job.frames, on_message=on_message)
    work = Work(expected=reader.expected, live=reader.live)
    start = 0.0 if source.live else job.frames.start
    kept = Kept() if job.wanted is None else kept_lines(name, job.wanted, start=start)
    follower = None if job.following is None else Follower(job.following, first_id=kept.last_id + 1)
    started = time.perf_counter()
    with ExitStack() as stack:
        outputs = _open_outputs(stack, name, job, detector, reader, work, kept, start)
        found = reader.found(detector, times=work.times, stop=stop)
        stack.callback(found.close)  # type: ignore[attr-defined]
        for one in _followed(found, job, follower, work):
            _finish(one, without_password(source.address), outputs, show, work)
            work.seconds = time.perf_counter() - started
            on_progress(work)
            if stop():
                break
    work.stopped = stop()
    work.seconds = time.perf_counter() - started
    work.problems += reader.problems
    return work


def _open_outputs(
    stack: ExitStack,
    name: str,
    job: Job,
    detector: "Detector",
    reader: Reader,
    work: Work,
    kept: Kept,
    start: float,
) -> VideoOutputs | None:
    if job.wanted is None:
        return None
    return stack.enter_context(
        video_outputs(
            name,
            job.wanted,
            detector.class_names,
            draw=drawing(job.wanted.shown),
            times=work.times,
            problems=work.problems,
            rate=reader.rate,
            start=start,
            kept=kept,
            source=reader.path,
            live=reader.live is not None,
        )
    )


def _followed(found: Iterator[Found], job: Job, follower: Follower | None, work: Work) -> Iterator[Found]:
    """What was found, of the kept classes, with tracks, without what scores too little."""
    for one in found:
        chosen = one._replace(detections=one.detections.of_classes(job.labels))
        if follower is not None:
            with work.times.measure(TRACK):
                chosen = follower.follow(chosen)
            work.tracks, work.counts = follower.numbers, follower.counts
        yield chosen._replace(detections=chosen.detections.above(job.kept))


def _finish(found: Found, address: str, outputs: VideoOutputs | None, show: Show, work: Work) -> None:
    """Write and show one frame; for a live source add its latency."""
    frame, extra = found.frame, dict(found.extra)
    if work.live is not None and frame.received is not None:
        latency = time.monotonic() - frame.received
        work.live.latencies.append(latency)
        extra |= {"latency": round(latency, 4), "dropped": work.live.dropped}
    record = Record(address, found.detections, index=frame.index, time=frame.time, extra=extra)
    if outputs is not None:
        outputs.add(found, record)
    show(found, record)
    work.frames, work.time = work.frames + 1, frame.time


def drawing(shown: float) -> Callable[[Found], UInt8[np.ndarray, "h w 3"]]:
    """What draws a frame: its tracks with lines and zones, or the detections with scores from `shown` on."""

    def draw(found: Found) -> UInt8[np.ndarray, "h w 3"]:
        drawn = found.drawn or found.detections.above(shown)
        return drawn.draw(found.frame.image)

    return draw
