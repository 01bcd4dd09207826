"""The frames of anything that is a video."""

from collections.abc import Iterator
from pathlib import Path

from multibox.errors import UsageError
from multibox.video.ahead import ahead
from multibox.video.file import VideoFile
from multibox.video.frame import Frame
from multibox.video.live import TIMEOUT, LiveSource
from multibox.video.sequence import USUAL_RATE, ImageSequence
from multibox.video.source import require_video

_AHEAD = 4  # frames


def frames(
    source: str | Path,
    *,
    every: int = 1,
    start: float = 0.0,
    end: float | None = None,
    rate: float = USUAL_RATE,
    hardware: str | None = None,
    timeout: float = TIMEOUT,
) -> Iterator[Frame]:
    """Yield the frames of a video: upright RGB images with time and index.

    `source` is a file, a name with `%d` or `%04d` for the numbers of image files, a folder of images, `camera:0`, or an
    address such as `rtsp://HOST/PATH` or `http://HOST/PATH`. Frames with start <= time < end seconds whose index is a
    multiple of `every` are yielded; a few are decoded ahead in a thread. `rate` is the number of frames per second of
    image files. `hardware` names a decoder of FFmpeg such as cuda or vaapi.

    Of a camera or a stream only the newest frame is kept: indices have gaps where frames were dropped. It has no start
    and end. A connection without data for `timeout` seconds is made again. Close the iterator to end the threads.
    Raises DataError if the source cannot be read, and UsageError for wrong numbers.
    """
    check_range(every=every, start=start, end=end, rate=rate)
    found = require_video(source)
    if found.live:
        if start > 0 or end is not None:
            raise UsageError(f"{found.name} is a camera or a stream: it has no start and end")
        return LiveSource(found, timeout=timeout, hardware=hardware).frames(every=every)
    if found.kind == "sequence":
        return ImageSequence(found.address, rate=rate).frames(every=every, start=start, end=end)
    video = VideoFile(Path(found.address), hardware=hardware)
    return ahead(video.frames(every=every, start=start, end=end), count=_AHEAD)


def check_range(*, every: int, start: float, end: float | None, rate: float) -> None:
    """Raise UsageError for a step, times or a rate that select no frame."""
    if every < 1:
        raise UsageError(f"every is {every}; it must be 1 or more")
    if not (0 <= start < float("inf")):
        raise UsageError(f"the start is {start} s; it must be 0 or more")
    if end is not None and not end > start:
        raise UsageError(f"the end is {end} s and the start {start} s; the end must be later")
    if not 0 < rate < float("inf"):
        raise UsageError(f"the rate is {rate} frames per second; it must be more than 0")
