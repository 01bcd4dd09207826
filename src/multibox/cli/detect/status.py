"""The progress of a video on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from multibox.cli.console import frames_bar, say
from multibox.cli.detect.work_report import latency_text

if TYPE_CHECKING:
    from multibox.video.process import Work
    from multibox.video.source import VideoSource

Report = Callable[["Work"], object]

_SECONDS = 1.0  # between two texts on a terminal
_LOG_SECONDS = 60.0  # between two lines in a log


@contextmanager
def status(source: "VideoSource", *, quiet: bool) -> Iterator[Report]:
    """What shows the progress: a bar for files, counts for live sources.

    `quiet` says that no results are printed; else, on the same terminal, they show the progress.
    """
    hidden = sys.stdout.isatty() and not quiet
    if source.live:
        yield _LiveStatus(hidden=hidden).report
        return
    with frames_bar(Path(source.address).name, hidden=hidden) as advance:
        yield lambda work: advance(work.frames, work.expected)


class _LiveStatus:
    """A line with frames, frames/s, drops and latency: each second on a terminal, each minute in a log."""

    def __init__(self, *, hidden: bool) -> None:
        self._terminal = sys.stderr.isatty()
        self._hidden = hidden and self._terminal
        self._last, self._frames = monotonic(), 0

    def report(self, work: "Work") -> None:
        now = monotonic()
        passed = now - self._last
        if self._hidden or passed < (_SECONDS if self._terminal else _LOG_SECONDS):
            return
        rate = (work.frames - self._frames) / passed
        self._last, self._frames = now, work.frames
        dropped = 0 if work.live is None else work.live.dropped
        text = f"{work.frames:,} frames, {rate:.1f} frames/s, {dropped:,} dropped, {latency_text(work)}"
        if self._terminal:
            print(f"\r{text}\x1b[K", end="", file=sys.__stderr__, flush=True)
        else:
            say(text)
