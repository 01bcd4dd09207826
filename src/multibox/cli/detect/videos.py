"""`multibox detect` for videos."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from multibox.cli.console import complain, frames_bar, say, table
from multibox.cli.detect.lines import line_of
from multibox.cli.detect.wanted import Print, Wanted, printer
from multibox.errors import StoppedError, UsageError
from multibox.system.launcher import place
from multibox.system.stopping import StopRequest
from multibox.words import counted

if TYPE_CHECKING:
    from multibox.detection.detector import Detector
    from multibox.detection.output.record import Record
    from multibox.video.outputs import WantedFiles
    from multibox.video.process import Range, Work
    from multibox.video.source import VideoSource

_NOTICE = "stopping after this frame; a second signal stops immediately"


@dataclass(frozen=True)
class Videos:
    """Videos with the name of the results of each, and how they are read and shown."""

    sources: "dict[VideoSource, str]"
    frames: "Range"
    save: bool
    time: bool


def find(sources: Sequence[str], wanted: Wanted, *, frames: "Range", save: bool, time: bool) -> Videos | None:
    """The videos, None if the sources are images. Raises UsageError if they are both, or options do not fit."""
    from multibox.video.frames import check_range
    from multibox.video.source import find_video

    check_range(every=frames.every, start=frames.start, end=frames.end, rate=frames.rate)
    found = [find_video(source) for source in sources]
    videos = [one for one in found if one is not None]
    if not videos:
        _refuse_video_options(frames, save=save)
        return None
    if len(videos) < len(found):
        image = sources[found.index(None)]
        raise UsageError(f"{image} is no video and {videos[0].address} is one: give images or videos in one call")
    if not place().alone:
        raise UsageError(f"videos are read by one process, and these are {place().count}: start it without a launcher")
    if save and wanted.out is None:
        raise UsageError("--save-video needs a folder: give --out DIR")
    return Videos(_names(videos), frames, save, time)


def detect_videos(videos: Videos, detector: "Detector", wanted: Wanted) -> None:
    """Detect in one video after the other."""
    from multibox.detection.output.selection import labels_of

    labels = labels_of(wanted.classes, detector.class_names)
    for source, name in videos.sources.items():
        with StopRequest(notice=_NOTICE, on_message=say) as stop:
            work = _detect(source, name, detector, wanted, videos, labels, stop)
        for problem in work.problems:
            complain(problem)
        say(_summary(source.address, work, out=wanted.out))
        if videos.time:
            say(f"{detector.engine.config.description}\n{_stage_table(work)}")
        if work.stopped:
            raise _stopped(work, stop.number, files=wanted.out is not None)


def _detect(
    source: "VideoSource",
    name: str,
    detector: "Detector",
    wanted: Wanted,
    videos: Videos,
    labels: frozenset[int] | None,
    stop: StopRequest,
) -> "Work":
    from multibox.video.process import process_file

    with _lines(wanted, detector.class_names) as show, _bar(source.address, wanted) as advance:
        return process_file(
            source,
            detector,
            name=name,
            labels=labels,
            kept=wanted.kept,
            frames=videos.frames,
            wanted=_files(wanted, videos),
            show=lambda found, record: show(record),
            stop=lambda: bool(stop.number),
            on_progress=advance,
        )


def _files(wanted: Wanted, videos: Videos) -> "WantedFiles | None":
    from multibox.detection.output.formats import find_format
    from multibox.video.outputs import WantedFiles

    if wanted.out is None:
        return None
    form = find_format(wanted.form or "jsonl")
    return WantedFiles(wanted.out, form, video=videos.save, crops=wanted.crops, shown=wanted.shown)


@contextmanager
def _lines(wanted: Wanted, class_names: tuple[str, ...]) -> Iterator[Print]:
    """What prints the records: nothing if they go into files, unless --json is given."""
    if wanted.out is not None and not wanted.as_json:
        yield lambda record: None
        return
    with printer(wanted, class_names, line=lambda record: _line(record, shown=wanted.shown)) as show:
        yield show


def _line(record: "Record", *, shown: float) -> str:
    return line_of(f"{record.image} {record.time:.2f} s", record.detections, shown=shown)


def _bar(address: str, wanted: Wanted) -> AbstractContextManager[Callable[[int, int], None]]:
    return frames_bar(Path(address).name, hidden=sys.stdout.isatty() and wanted.out is None)


def _names(videos: "Sequence[VideoSource]") -> "dict[VideoSource, str]":
    """A different name for the results of each video, whatever the letter case."""
    names: dict[VideoSource, str] = {}
    for video in videos:
        name, number = video.name, 1
        while name.lower() in {other.lower() for other in names.values()}:
            number += 1
            name = f"{video.name}-{number}"
        names.setdefault(video, name)
    return names


def _refuse_video_options(frames: "Range", *, save: bool) -> None:
    from multibox.video.process import Range

    usual = Range()
    given = {
        "--save-video": save,
        "--every": frames.every != usual.every,
        "--from": frames.start != usual.start,
        "--to": frames.end is not None,
        "--rate": frames.rate != usual.rate,
        "--hardware": frames.hardware is not None,
    }
    for option, used in given.items():
        if used:
            raise UsageError(f"{option} is for videos, and the sources are images: leave it out")


def _summary(address: str, work: "Work", *, out: Path | None) -> str:
    rate = work.frames / max(work.seconds, 1e-9)
    text = f"{address}: {counted(work.frames, 'frame')} in {work.seconds:.1f} s ({rate:.1f} frames/s)"
    return text if out is None else f"{text}, results in {out}"


def _stage_table(work: "Work") -> str:
    rows = [(name, f"{each:.2f}", f"{rate:.1f}") for name, each, rate in work.times.rows()]
    whole = work.seconds / max(work.frames, 1)
    rows.append(("whole, overlapped", f"{1000 * whole:.2f}", f"{1 / max(whole, 1e-9):.1f}"))
    return table([("stage", "ms a frame", "frames/s"), *rows])


def _stopped(work: "Work", number: int, *, files: bool) -> StoppedError:
    name = signal.Signals(number).name
    after = 0.0 if work.time is None else work.time
    kept = "; the files are complete up to there" if files else ""
    return StoppedError(
        f"stopped by {name} at {after:.2f} s{kept}; continue with --from {after + 0.001:.3f}", number=number
    )
