"""The audio of a video file, copied packet by packet into an MP4 file, without decoding."""

from pathlib import Path
from typing import TYPE_CHECKING

from multibox.errors import DataError
from multibox.video.input import open_file, readable

if TYPE_CHECKING:
    from av.container import OutputContainer

COPIED_CODECS = ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac")
"""Audio codecs that players expect in MP4."""


class AudioCopy:
    """Copies the audio of a file that belongs to `start` <= time, shifted so that `start` becomes 0.

    `problem` says why there is nothing to copy, None if there is audio or the file has none.
    """

    def __init__(self, path: Path, output: "OutputContainer", *, start: float) -> None:
        self.problem: str | None = None
        self._start, self._output, self._name = start, output, str(path)
        self._container = open_file(path)
        with readable(str(path)):
            source = self._container.streams.best("audio")
        codec = None if source is None else source.codec_context.name
        if codec is not None and codec not in COPIED_CODECS:
            self.problem = f"{path}: its audio ({codec}) cannot be copied into MP4; the video is written without audio"
            source = None
        if source is None:
            self.close()
            return
        self._target = output.add_stream_from_template(source)
        self._begin = (self._container.start_time or 0) / 1_000_000 + start
        if start > 0:
            self._container.seek(round(self._begin * 1_000_000))
        self._packets = self._container.demux(source)
        self._next = next(self._packets, None)

    def copy(self, *, until: float | None) -> None:
        """Write the packets that begin before `until` seconds of the new file, or all that are left."""
        if self._container is None:
            return
        try:
            with readable(self._name):
                while self._next is not None and self._copy_one(until):
                    self._next = next(self._packets, None)
        except DataError:  # the rest of the audio is damaged; the video is worth keeping
            self.close()

    def _copy_one(self, until: float | None) -> bool:
        """Write the next packet; False if it begins later."""
        packet = self._next
        if packet is None or packet.dts is None or packet.pts is None:
            return True
        time = float(packet.pts * packet.time_base) - self._begin
        if until is not None and time >= until:
            return False
        if time >= 0 or self._start == 0:  # a file may begin with packets that only prepare the decoder
            shift = round(self._begin / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = self._target
            self._output.mux(packet)
        return True

    def close(self) -> None:
        """Release the file."""
        if self._container is not None:
            self._container.close()
        self._container = None  # type: ignore[assignment]
