"""Small videos made by PyAV whose frames show their number, with the oddities that real files have."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from multibox.size import Size

SIZE = Size(48, 64)
_BITS = 8
_TICKS = 90_000


def numbered_image(number: int, size: Size = SIZE) -> np.ndarray:
    """An RGB image whose first row of 8 x 8 blocks shows the bits of the number in black and white."""
    image = np.full((*size, 3), 90, dtype=np.uint8)
    for bit in range(_BITS):
        image[:8, 8 * bit : 8 * bit + 8] = 255 * (number >> bit & 1)
    return image


def number_of(image: np.ndarray) -> int:
    """The number that an image shows."""
    return sum(int(image[2:6, 8 * bit + 2 : 8 * bit + 6].mean() > 127) << bit for bit in range(_BITS))


def make_video(
    path: Path,
    *,
    images: Iterable[np.ndarray] | None = None,
    times: Sequence[float] = tuple(number / 10 for number in range(20)),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    audio: str | None = None,
    start: float = 0.0,
) -> Path:
    """Write frames that are shown from `times` seconds on; `start` is added to all times, as broadcasts have them.

    `audio` is a codec for a tone of the same length.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    shown = [numbered_image(number) for number in range(len(times))] if images is None else list(images)
    options = {"g": "6", "bf": "2"} if codec == "libx264" else {}
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=10, options=options)
        stream.height, stream.width = shown[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, _TICKS if codec == "libx264" else 10)
        tone = output.add_stream(audio, rate=8000 if audio != "aac" else 16000, layout="mono") if audio else None
        packets = []
        for image, time in zip(shown, times, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = round((time + start) / frame.time_base)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if tone is not None:
            packets += _tone(tone, seconds=times[-1] + 0.1)
        output.start_encoding()
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)
    return path


def _tone(stream, *, seconds: float):
    import av

    rate = stream.codec_context.sample_rate
    wave = np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    size = stream.codec_context.frame_size or 1024
    for begin in range(0, len(wave) - size, size):
        samples = (wave[begin : begin + size] * 12_000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        frame = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate).resample(frame)[0]
        yield from stream.encode(frame)
    yield from stream.encode(None)


def set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Replace a, b, c, d of the display matrix in the track header of an MP4 file, as cameras write it."""
    data = bytearray(path.read_bytes())
    unity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    place = data.index(unity, data.index(b"tkhd"))
    a, b, c, d = (value << 16 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path
