"""Opening of cameras and streams, with time limits that hold for every protocol."""

import sys
from typing import TYPE_CHECKING, Any

from multibox.errors import UsageError
from multibox.video.input import hardware_decoder, import_av, readable
from multibox.video.source import VideoSource, without_password

if TYPE_CHECKING:
    from av.container import InputContainer

CLOCKLESS = ("mpjpeg", "mjpeg", "image2pipe", "jpeg_pipe", "png_pipe")
"""Demuxers whose times are invented: each frame has the time at which it arrived."""

_WHAT = {"camera": "the camera", "stream": "the stream"}

_DEMUXERS = (
    "rtsp,sdp,hls,mpjpeg,mjpeg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,live_flv,asf,ogg,h264,hevc,nut,"
    "ivf,jpeg_pipe,png_pipe,image2pipe"
)
_PROTOCOLS = {  # never `file`: a playlist of a stranger must not name files of this machine
    "http": "http,https,tcp,tls,crypto,data,httpproxy",
    "rtsp": "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,crypto",
}


def connect(source: VideoSource, *, timeout: float, hardware: str | None) -> "InputContainer":
    """Open a camera or a stream; opening and every later read end after `timeout` seconds without data.

    PyAV interrupts blocking calls after its own timeout, which some protocols of FFmpeg do not look at; these have the
    same limit as an option. Raises DataError if it cannot be opened.
    """
    av = import_av()
    address, form, options = _how(source, timeout)
    with readable(without_password(source.address), what=_WHAT[source.kind]):
        return av.open(
            address,
            format=form,
            options=options,
            timeout=(timeout, timeout),
            hwaccel=hardware_decoder(hardware),
        )


def _how(source: VideoSource, timeout: float) -> tuple[str, str | None, dict[str, str]]:
    """Address, demuxer and options for FFmpeg."""
    if source.kind == "camera":
        return _camera(source.address.partition(":")[2])
    microseconds = str(round(timeout * 1_000_000))
    scheme = source.address.partition("://")[0].lower().rstrip("s")
    options: dict[str, Any] = {
        "format_whitelist": _DEMUXERS,
        "protocol_whitelist": _PROTOCOLS[scheme],
        "flags": "low_delay",
    }
    if scheme == "rtsp":
        options |= {"rtsp_transport": "tcp", "timeout": microseconds, "max_delay": "500000"}
    else:
        options |= {"timeout": microseconds, "rw_timeout": microseconds}
    return source.address, None, options


def _camera(name: str) -> tuple[str, str | None, dict[str, str]]:
    if sys.platform == "darwin":
        return name, "avfoundation", {"framerate": "30"}
    if sys.platform != "linux":
        raise UsageError(f"cameras are read on Linux and macOS, and this is {sys.platform}: give a stream")
    device = f"/dev/video{name}" if name.isdecimal() else name
    if not device.startswith("/dev/"):
        raise UsageError(f"camera:{name} is no camera: give camera:0 or camera:/dev/video0")
    return device, "v4l2", {}
