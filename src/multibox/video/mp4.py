"""Writing of MP4 files: H.264, yuv420p, the index at the front, frames at the times of their source."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.size import Size
from multibox.system.atomic import unfinished_folder
from multibox.video.audio import AudioCopy
from multibox.video.input import import_av

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame

_TICKS = 90_000  # a second, as in MPEG-2 systems: whole for the usual rates
_HD = 720  # rows from which video is BT.709
_BT709, _BT601 = 1, 6  # AVColorSpace of FFmpeg, which are the numbers of ITU-T H.273
_LIMITED = 1  # AVColorRange: 16 to 235
_OPTIONS = {"preset": "veryfast", "crf": "23"}


class Mp4Writer:
    """Writes RGB frames of one video into an open container. Make it with `mp4_writer`."""

    def __init__(self, output: "OutputContainer", *, rate: float, start: float, audio: Path | None) -> None:
        self._output, self._rate, self._start = output, rate, start
        self._audio_path = audio
        self._audio: AudioCopy | None = None
        self._size: Size | None = None
        self._last = -1
        self.frames = 0

    @property
    def problems(self) -> list[str]:
        """A line if the audio cannot be copied."""
        return [self._audio.problem] if self._audio is not None and self._audio.problem else []

    def add(self, image: UInt8[np.ndarray, "h w 3"], time: float) -> None:
        """Write a frame that is shown from `time` seconds of the source on.

        The first frame decides the size, made even by repeating the last row and column; a frame of another size is
        scaled into it, with black bars where its shape differs.
        """
        if self._size is None:
            self._begin(Size(*image.shape[:2]))
        frame = self._frame(image)
        frame.pts = self._last = max(round((time - self._start) * _TICKS), self._last + 1)
        frame.time_base = Fraction(1, _TICKS)
        for packet in self._stream.encode(frame):
            self._output.mux(packet)
        self.frames += 1
        if self._audio is not None:
            self._audio.copy(until=frame.pts / _TICKS)

    def finish(self) -> None:
        """Write the frames that the encoder still holds, and the audio up to the end of the last frame."""
        if self._size is None:
            return
        for packet in self._stream.encode(None):
            self._output.mux(packet)
        if self._audio is not None:
            self._audio.copy(until=self._last / _TICKS + 1 / self._rate)
            self._audio.close()

    def _begin(self, size: Size) -> None:
        height, width = self._size = Size(size.height + size.height % 2, size.width + size.width % 2)
        stream = self._output.add_stream("libx264", rate=Fraction(self._rate).limit_denominator(1001), options=_OPTIONS)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.colorspace = stream.codec_context.color_primaries = stream.codec_context.color_trc = (
            _BT709 if height >= _HD else _BT601
        )
        stream.codec_context.color_range = _LIMITED
        self._stream = stream
        if self._audio_path is not None:
            self._audio = AudioCopy(self._audio_path, self._output, start=self._start)

    def _frame(self, image: UInt8[np.ndarray, "h w 3"]) -> "VideoFrame":
        assert self._size is not None
        frame = import_av().VideoFrame.from_ndarray(_fitted(image, self._size), format="rgb24")
        space = _BT709 if self._size.height >= _HD else _BT601
        converted: VideoFrame = frame.reformat(format="yuv420p", dst_colorspace=space, dst_color_range=_LIMITED)
        return converted


@contextmanager
def mp4_writer(path: Path, *, rate: float, start: float = 0.0, audio: Path | None = None) -> Iterator[Mp4Writer]:
    """A writer whose file appears at `path` at the end of the block, unless the block raises.

    `start` is the time of the source that becomes 0. `audio` is the file whose audio is copied. If no frame was
    added, no file is written.
    """
    with unfinished_folder(path) as folder:
        unfinished = folder / "video.mp4"
        with import_av().open(str(unfinished), "w", options={"movflags": "+faststart"}) as output:
            writer = Mp4Writer(output, rate=rate, start=start, audio=audio)
            yield writer
            writer.finish()
        if writer.frames:
            os.replace(unfinished, path)


def _fitted(image: UInt8[np.ndarray, "h w 3"], size: Size) -> UInt8[np.ndarray, "rows columns 3"]:
    """The image at an even size: one row and column more, or scaled with bars if it has another size."""
    height, width = image.shape[:2]
    if size.height - height in (0, 1) and size.width - width in (0, 1):
        if size == (height, width):
            return np.ascontiguousarray(image)
        return cv2.copyMakeBorder(
            image, 0, size.height - height, 0, size.width - width, borderType=cv2.BORDER_REPLICATE
        )
    scale = min(size.height / height, size.width / width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.zeros((*size, 3), dtype=np.uint8)
    top, left = (size.height - inner[1]) // 2, (size.width - inner[0]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    return canvas
