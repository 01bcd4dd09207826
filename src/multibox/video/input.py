"""Opening of videos with FFmpeg through PyAV, and its errors as one line.

Files are untrusted: only demuxers of video containers are tried, nothing but files is read for a file, and a video
with more pixels than `images.settings.max_pixels()` is refused before a frame is decoded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multibox.errors import DataError, MultiboxError, UsageError
from multibox.images.settings import max_pixels
from multibox.words import pip_install

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,ogg,mjpeg,h264,hevc,ivf,"
    "yuv4mpegpipe,mxf,gif,apng,nut,av1,obu,m4v,vc1,h263"
)
_DAMAGED = "its data is not a video, or is damaged or cut off; play it with another program, or convert it again"
_FILE_OPTIONS = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"}


def import_av() -> Any:
    """The package av; UsageError if it is not installed."""
    try:
        import av
    except ImportError:
        raise UsageError(f"reading and writing videos needs the package av: {pip_install('av', 'lap')}") from None
    return av


@contextmanager
def readable(name: str, *, what: str = "the video") -> Iterator[None]:
    """Turn errors of FFmpeg inside the block into a DataError that names the video."""
    av = import_av()
    try:
        yield
    except MultiboxError:
        raise
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        reason = _reason(error) if what == "the video" else _live_reason(error)
        raise DataError(f"cannot read {what} {name}: {reason}") from None


def open_file(path: Path | str, *, hardware: str | None = None) -> "InputContainer":
    """Open a video file. Raises DataError if it is missing, is not a video or is too large."""
    name = Path(path)
    if name.is_dir() or not name.exists():
        what = "is a folder" if name.is_dir() else "does not exist"
        raise DataError(f"cannot read the video {name}: it {what}; give a video file")
    if not name.is_file():
        raise DataError(f"cannot read the video {name}: it is a pipe, a socket or a device; give a regular file")
    with readable(str(path)):
        return import_av().open(f"file:{path}", options=_FILE_OPTIONS, hwaccel=hardware_decoder(hardware))


def video_stream(container: "InputContainer", *, name: str) -> "VideoStream":
    """The best video stream, checked and ready to decode. Raises DataError if there is none, or it is too large."""
    stream: Any = None
    with readable(name):
        stream = container.streams.best("video")
    if stream is None:
        raise DataError(
            f"cannot read the video {name}: it has no video stream, or is damaged or cut off; give a file with images"
        )
    require_allowed(stream.codec_context.width, stream.codec_context.height, name=name)
    stream.codec_context.options = {"max_pixels": str(max_pixels())}
    checked: VideoStream = stream
    return checked


def require_allowed(width: int, height: int, *, name: str) -> None:
    """Raise DataError if frames have more pixels than are allowed."""
    if width * height > max_pixels():
        raise DataError(
            f"cannot read the video {name}: its frames have {width:,} x {height:,} pixels, and the limit is "
            f"{max_pixels():,}; raise it with --max-pixels {width * height}"
        )


def hardware_decoder(name: str | None) -> Any:
    """The decoder of a device such as cuda or vaapi, None without a name; codecs it lacks are decoded in software.

    Raises UsageError if FFmpeg has no such device, or this machine has none.
    """
    if name is None:
        return None
    import_av()
    from av.codec.hwaccel import HWAccel, hwdevices_available

    if name not in hwdevices_available():
        raise UsageError(f"hardware decoder {name!r} is not known: choose one of {', '.join(hwdevices_available())}")
    return HWAccel(device_type=name, allow_software_fallback=True)


def _live_reason(error: Any) -> str:
    text = (error.strerror or str(error)).lower()
    if "immediate exit" in text or "timed out" in text:
        return "no data arrives; check the address, or wait longer with --timeout"
    if "invalid data" in text:
        return "it sends nothing, or no video; check the address with another player"
    return f"{text}; check the address"


def _reason(error: Any) -> str:
    text = (error.strerror or str(error)).lower()
    if "invalid data" in text:
        return _DAMAGED
    if "protocol not found" in text or "not permitted" in text:
        return f"{text}; give a video file and not a playlist"
    return f"{text}; check the name and its permissions"
