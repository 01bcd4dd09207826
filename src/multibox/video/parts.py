"""MP4 files of a live source: a new one each hour, so that memory is bounded and a crash costs an hour at most."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import UInt8

from multibox.video.mp4 import Mp4Writer, mp4_writer

PART_SECONDS = 3600.0


class Mp4Parts:
    """Writes frames into `path`; without a `start`, further parts NAME-2.mp4, NAME-3.mp4 follow hour by hour.

    `start` is the time of the source that becomes 0; without it, each part begins with its first frame. `problems` gets
    a line for what a part lacks. Files that exist are replaced.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate: float,
        start: float | None,
        audio: Path | None,
        problems: list[str],
        seconds: float = PART_SECONDS,
    ) -> None:
        self._path, self._rate, self._start, self._audio = path, rate, start, audio
        self._problems, self._seconds = problems, seconds
        self._stack = ExitStack()
        self._writer: Mp4Writer | None = None
        self._number = 0
        self._begin = 0.0

    def __enter__(self) -> "Mp4Parts":
        return self

    def add(self, image: UInt8[np.ndarray, "h w 3"], time: float) -> None:
        """Write a frame that is shown from `time` seconds of the source on."""
        if self._writer is not None and self._start is None and time - self._begin >= self._seconds:
            self.close()
        if self._writer is None:
            self._open(time)
        assert self._writer is not None
        self._writer.add(image, time)

    def close(self) -> None:
        """Complete the part that is open."""
        writer, self._writer = self._writer, None
        stack, self._stack = self._stack, ExitStack()
        stack.close()
        if writer is not None:
            self._problems += writer.problems

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self._stack.__exit__(kind, error, at)

    def _open(self, time: float) -> None:
        self._number += 1
        self._begin = time if self._start is None else self._start
        path = self._path if self._number == 1 else self._path.with_stem(f"{self._path.stem}-{self._number}")
        self._writer = self._stack.enter_context(
            mp4_writer(path, rate=self._rate, start=self._begin, audio=self._audio)
        )
