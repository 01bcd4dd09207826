"""`multibox detect` for videos."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from multibox.cli.console import complain, say
from multibox.cli.detect.lines import line_of
from multibox.cli.detect.status import status
from multibox.cli.detect.wanted import Print, Wanted, printer
from multibox.cli.detect.work_report import count_lines, stage_table, stopped, work_summary
from multibox.errors import UsageError
from multibox.system.launcher import place
from multibox.system.stopping import StopRequest

if TYPE_CHECKING:
    from multibox.detection.detector import Detector
    from multibox.detection.output.record import Record
    from multibox.video.detecting import Found
    from multibox.video.following import Following
    from multibox.video.outputs import WantedFiles
    from multibox.video.process import Job, Show, Work
    from multibox.video.reader import Range
    from multibox.video.source import VideoSource
    from multibox.video.window import Window

_CENTER = "center"
_NOTICE = "stopping after this frame; a second signal stops immediately"


@dataclass(frozen=True)
class VideoOptions:
    """The options that only videos have."""

    frames: "Range"
    save: bool
    show: bool
    track: bool
    lines: tuple[str, ...]
    zones: tuple[str, ...]
    anchor: str

    def given(self) -> list[str]:
        """The options that differ from their defaults."""
        from multibox.video.reader import Range

        usual = Range()
        named = {
            "--save-video": self.save,
            "--show": self.show,
            "--track": self.track,
            "--line": self.lines,
            "--zone": self.zones,
            "--every": self.frames.every != usual.every,
            "--from": self.frames.start != usual.start,
            "--to": self.frames.end is not None,
            "--rate": self.frames.rate != usual.rate,
            "--hardware": self.frames.hardware is not None,
            "--timeout": self.frames.timeout != usual.timeout,
            "--anchor": self.anchor != _CENTER,
        }
        return [name for name, value in named.items() if value]


@dataclass(frozen=True)
class Videos:
    """Videos with the name of the results of each, and what is done with them."""

    sources: "dict[VideoSource, str]"
    job: "Job"
    show: bool
    time: bool


def find(sources: Sequence[str], wanted: Wanted, options: VideoOptions, *, time: bool) -> Videos | None:
    """The videos, None if the sources are images. Raises UsageError if they are both, or options do not fit."""
    from multibox.video.frames import check_range
    from multibox.video.process import Job
    from multibox.video.source import find_video

    frames = options.frames
    check_range(every=frames.every, start=frames.start, end=frames.end, rate=frames.rate)
    found = [find_video(source) for source in sources]
    videos = [one for one in found if one is not None]
    if not videos:
        for option in options.given()[:1]:
            raise UsageError(f"{option} is for videos, and the sources are images: leave it out")
        return None
    if len(videos) < len(found):
        image = sources[found.index(None)]
        raise UsageError(f"{image} is no video and {videos[0].address} is one: give images or videos in one call")
    _check(videos, wanted, options)
    job = Job(frames, kept=wanted.kept, following=_following(options), wanted=_files(wanted, options))
    return Videos(_names(videos), job, options.show, time)


def _check(videos: "Sequence[VideoSource]", wanted: Wanted, options: VideoOptions) -> None:
    from multibox.video.input import import_av

    import_av()
    if not place().alone:
        raise UsageError(f"videos are read by one process, and these are {place().count}: start it without a launcher")
    _require_video_format(wanted, videos[0])
    if options.save and wanted.out is None:
        raise UsageError("--save-video needs a folder: give --out DIR")
    live = [video for video in videos if video.live]
    if live and len(videos) > 1:
        raise UsageError(f"{videos[0].name} and {videos[1].name}: a camera or a stream has no end, give it alone")
    if live and (options.frames.start > 0 or options.frames.end is not None):
        raise UsageError("--from and --to are for files: a camera or a stream begins now and ends with Ctrl-C")
    if options.show:
        from multibox.video.window import require_windows

        require_windows()


def detect_videos(videos: Videos, detector: "Detector", wanted: Wanted) -> None:
    """Detect in one video after the other. Raises StoppedError if a signal ended one that is not live."""
    from multibox.detection.output.selection import labels_of

    job = replace(videos.job, labels=labels_of(wanted.classes, detector.class_names))
    for source, name in videos.sources.items():
        with StopRequest(notice=_NOTICE, on_message=say) as stop:
            work = _detect(source, name, detector, wanted, job, stop, shown=videos.show)
        for problem in work.problems:
            complain(problem)
        for line in (*count_lines(work), work_summary(source.address, work, out=wanted.out)):
            say(line)
        if videos.time and work.frames:
            say(f"{detector.engine.config.description}\n{stage_table(work)}")
        if work.stopped and stop.number and not source.live:
            raise stopped(work, stop.number, files=wanted.out is not None)


def _detect(
    source: "VideoSource",
    name: str,
    detector: "Detector",
    wanted: Wanted,
    job: "Job",
    stop: StopRequest,
    *,
    shown: bool,
) -> "Work":
    from multibox.video.process import process_video

    with ExitStack() as stack:
        show = stack.enter_context(_lines(wanted, detector.class_names))
        report = stack.enter_context(status(source, quiet=wanted.out is not None))
        window = stack.enter_context(_window(source.address) if shown else nullcontext())
        return process_video(
            source,
            detector,
            job,
            name=name,
            show=_showing(show, window, wanted.shown),
            stop=lambda: bool(stop.number) or (window is not None and window.closed),
            on_progress=report,
            on_message=say,
        )


@contextmanager
def _window(title: str) -> "Iterator[Window]":
    from multibox.video.window import Window

    window = Window(title)
    try:
        yield window
    finally:
        window.close()


def _showing(show: Print, window: "Window | None", shown: float) -> "Show":
    from multibox.video.process import drawing

    draw = drawing(shown)

    def each(found: "Found", record: "Record") -> None:
        show(record)
        if window is not None:
            window.show(draw(found))

    return each


def _files(wanted: Wanted, options: VideoOptions) -> "WantedFiles | None":
    from multibox.detection.output.formats import find_format
    from multibox.video.outputs import WantedFiles

    if wanted.out is None:
        return None
    form = find_format(wanted.form or "jsonl")
    return WantedFiles(wanted.out, form, video=options.save, crops=wanted.crops, shown=wanted.shown)


def _following(options: VideoOptions) -> "Following | None":
    from multibox.video.following import Following
    from multibox.video.tracks.assignment import import_lap
    from multibox.video.tracks.shape_text import parse_lines, parse_zones

    if options.anchor not in (_CENTER, "bottom"):
        raise UsageError(f"--anchor {options.anchor} is not known: choose center or bottom")
    if options.anchor != _CENTER and not (options.lines or options.zones):
        raise UsageError(f"--anchor {options.anchor} belongs to --line and --zone: add one of them, or leave it out")
    if not (options.track or options.lines or options.zones):
        return None
    import_lap()
    lines, zones = parse_lines(options.lines), parse_zones(options.zones)
    following = Following(lines=tuple(lines), zones=tuple(zones), anchor=options.anchor)  # type: ignore[arg-type]
    following.check()
    return following


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


def _require_video_format(wanted: Wanted, video: "VideoSource") -> None:
    from multibox.detection.output.formats import FORMATS, find_format

    if wanted.form is not None and find_format(wanted.form).labels:
        usable = ", ".join(one.name for one in FORMATS if not one.labels)
        raise UsageError(f"--format {wanted.form} is for images, and {video.name} is a video: choose {usable}")
