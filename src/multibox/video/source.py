"""What a user names as a video: a file, an image sequence, a camera or a stream."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from multibox.errors import UsageError

VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "m2ts", "mts", "mpg", "mpeg", "vob", "wmv", "asf", "flv"),
        *("ogv", "3gp", "3g2", "mjpg", "mjpeg", "h264", "264", "h265", "265", "hevc", "ivf", "y4m", "mxf"),
    )
)
"""Files with these endings are videos for `multibox detect`; `frames` also opens others."""

_CAMERA = re.compile(r"camera:(.+)", re.DOTALL)
_STREAM = re.compile(r"(rtsps?|https?)://[^/\s]+", re.IGNORECASE)
_NUMBERED = re.compile(r"%(0[1-9])?d")

Kind = Literal["file", "sequence", "camera", "stream"]


@dataclass(frozen=True)
class VideoSource:
    """A source and its kind. `name` is a file name without suffix for results: street, frame, camera-0, rtsp-host."""

    address: str
    kind: Kind
    name: str

    @property
    def live(self) -> bool:
        """Whether frames arrive at their own pace and are lost if nobody takes them."""
        return self.kind in ("camera", "stream")


def find_video(source: str | Path) -> VideoSource | None:
    """The video that a source names, or None if it is something else, such as an image.

    `camera:N`, `camera:/dev/video0`, `rtsp://` and `http://` addresses, names with `%d` or `%04d` for the numbers of
    an image sequence, and files with a suffix of VIDEO_SUFFIXES. Raises UsageError for an address without a host.
    """
    text = str(source)
    if camera := _CAMERA.fullmatch(text):
        return VideoSource(text, "camera", f"camera-{_plain(camera[1])}")
    if "://" in text and not Path(text).exists():
        return _stream(text)
    if len(_NUMBERED.findall(Path(text).name)) == 1 and not Path(text).exists():
        return VideoSource(text, "sequence", _plain(_NUMBERED.sub("", Path(text).stem), usual="sequence"))
    if Path(text).suffix.lower() in VIDEO_SUFFIXES and not Path(text).is_dir():
        return VideoSource(text, "file", Path(text).stem)
    return None


def require_video(source: str | Path) -> VideoSource:
    """The video that a source names; any other file is tried as a video, and a folder is an image sequence."""
    found = find_video(source)
    if found is not None:
        return found
    path = Path(source)
    return VideoSource(str(source), "sequence" if path.is_dir() else "file", path.stem or "video")


def without_password(address: str) -> str:
    """The address for messages and files, without user name and password."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", address)


def _stream(address: str) -> VideoSource:
    if not _STREAM.match(address):
        raise UsageError(
            f"{without_password(address)!r} is not an address of a stream: give rtsp://HOST/PATH or http://HOST/PATH"
        )
    scheme, _, rest = without_password(address).partition("://")
    return VideoSource(address, "stream", f"{scheme.lower()}-{_plain(rest.partition('?')[0])}")


def _plain(text: str, *, usual: str = "0") -> str:
    """The text as part of a file name: letters, digits, dots and single hyphens, at most 60."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60] or usual
