"""The limit on pixels: images with too many in the header are refused before memory is allocated."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from multibox.errors import DataError, ShortMemoryError, UsageError
from multibox.images import decode
from multibox.images.decode import narrow_range, read_image
from multibox.images.settings import DEFAULT_MAX_PIXELS, VARIABLE, max_pixels


def encoded(kind: str, *, width: int = 40, height: int = 30, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, kind)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes, *, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return struct.pack(">I", size) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *, depth: int = 8, color: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    data = bytearray(encoded("JPEG"))
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp(width: int, height: int) -> bytes:
    data = bytearray(encoded("BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def gif(width: int, height: int) -> bytes:
    data = bytearray(encoded("GIF", mode="L"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


BOMBS = {
    "jpeg": jpeg(30000, 30000),
    "png": png(30000, 30000, depth=1, color=0),
    "bmp": bmp(32000, 32000),
    "gif": gif(65535, 65535),
    "ppm": b"P6\n# a comment\n30000 30000\n255\n" + bytes(100),
    "jp2": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x16ihdr" + struct.pack(">II", 30000, 30000) + bytes(100),
    "avif": b"\0\0\0\x20ftypavif" + bytes(20) + b"ispe" + struct.pack(">III", 0, 30000, 30000) + bytes(50),
    "bigtiff": b"II+\0\x08\0\0\0"
    + struct.pack("<QQ", 16, 2)
    + b"".join(struct.pack("<HHQQ", tag, 4, 1, 30000) for tag in (256, 257))
    + bytes(8),
    "tiff": b"II*\0" + struct.pack("<IH", 8, 2) + b"".join(struct.pack("<HHII", t, 4, 1, 30000) for t in (256, 257)),
    "broken exif": b"\xff\xd8\xff\xe1\0\x10Exif\0\0II*\0\xff\xff\xff\xff" + jpeg(30000, 30000)[2:],
}


@pytest.mark.parametrize("kind", BOMBS)
def test_headers_that_state_too_many_pixels(kind: str) -> None:
    """Small files that state up to 4 gigapixels: an error that names the size, the limit and how to raise it."""
    with pytest.raises(
        DataError, match=r"too many pixels: it states [\d,]+ x [\d,]+ pixels.*--max-pixels \d+ or"
    ) as caught:
        read_image(BOMBS[kind])
    assert "damaged" not in str(caught.value)


def test_pixels_count_by_their_bytes() -> None:
    """16 bits with transparency are 8 bytes a pixel: 60 million of them are refused, 60 million of 3 are not."""
    with pytest.raises(DataError, match="of 8 bytes, and the limit is 120,000,000 pixels of 3 bytes"):
        read_image(png(6000, 10000, depth=16, color=6))
    with pytest.raises(DataError, match="damaged"):
        read_image(png(6000, 10000))


def test_the_limit_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variable against an image just within and just beyond it."""
    assert max_pixels() == DEFAULT_MAX_PIXELS
    monkeypatch.setenv(VARIABLE, "1200")
    assert read_image(encoded("PNG")).shape == (30, 40, 3)
    monkeypatch.setenv(VARIABLE, "1199")
    with pytest.raises(DataError, match="--max-pixels 1200 or MULTIBOX_MAX_PIXELS=1200"):
        read_image(encoded("PNG"))
    for wrong in ("many", "0", "-5", "1e9"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(UsageError, match=f"is '{wrong}'; it must be a positive whole number"):
            read_image(encoded("PNG"))


def test_more_than_opencv_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A raised limit has no effect above OpenCV's own limit, and the message says so."""
    monkeypatch.setenv(VARIABLE, "9000000000")
    with pytest.raises(DataError, match="OpenCV reads up to 1,048,576 on a side"):
        read_image(png(1_100_000, 1))


def test_a_chunk_longer_than_its_file() -> None:
    """A PNG chunk of 2 GB in a file of 100 bytes is refused as truncated, without allocating it."""
    data = png(40, 30)
    position = data.index(b"IDAT") - 4
    with pytest.raises(DataError, match="truncated"):
        read_image(data[:position] + struct.pack(">I", 0x7FFFFFFF) + data[position + 4 :])


def test_memory_that_runs_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that cannot be allocated is not damage: both ways in which OpenCV reports it."""
    path = tmp_path / "whole.png"
    path.write_bytes(encoded("PNG"))

    def refuses(*given: object) -> None:
        error = cv2.error("Failed to allocate 3600 bytes")
        error.code = -4
        raise error

    monkeypatch.setattr(cv2, "imdecode", refuses)
    with pytest.raises(ShortMemoryError, match=r"not enough memory to decode .*whole\.png: its 40 x 30 pixels"):
        read_image(path)
    monkeypatch.setattr(cv2, "imdecode", lambda *given: None)
    monkeypatch.setattr(decode, "_fits_memory", lambda size, header: False)
    with pytest.raises(ShortMemoryError):
        read_image(path)


def stored(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values)[1].tobytes()


def test_sixteen_bits_can_be_stretched(monkeypatch: pytest.MonkeyPatch) -> None:
    """16-bit values from 3000 to 3500: nearly black as they are, 0 to 255 with the variable; 8 bits do not change."""
    ramp = np.linspace(3000, 3500, 1200).astype(np.uint16).reshape(30, 40)
    gray = np.arange(40, 80, dtype=np.uint8)[None].repeat(30, axis=0)
    assert read_image(stored(ramp)).max() == 14
    monkeypatch.setenv("MULTIBOX_16_BIT", "stretch")
    found = read_image(stored(ramp))[:, :, 1].astype(float)
    assert np.abs(found - (ramp.astype(float) - 3000) / 500 * 255).max() < 0.51
    assert found.min() == 0
    assert found.max() == 255
    np.testing.assert_array_equal(read_image(stored(gray))[:, :, 0], gray)
    assert not read_image(stored(np.full((30, 40), 700, np.uint16))).any()
    monkeypatch.setenv("MULTIBOX_16_BIT", "both")
    with pytest.raises(UsageError, match="'both'; it must be scale or stretch"):
        read_image(stored(ramp))


def test_a_narrow_range_is_found(tmp_path: Path) -> None:
    """The values of 16-bit files that use less than an eighth of the range; None for others."""
    values = {"thermal": (3000, 3500), "full": (0, 60000), "twelve": (0, 4095)}
    for name, (low, high) in values.items():
        ramp = np.linspace(low, high, 1200).astype(np.uint16).reshape(30, 40)
        (tmp_path / f"{name}.png").write_bytes(stored(ramp))
    (tmp_path / "eight.png").write_bytes(stored(np.zeros((30, 40), np.uint8)))
    found = {path.stem: narrow_range(path) for path in tmp_path.iterdir()}
    assert found == {"thermal": (3000, 3500), "full": None, "twelve": (0, 4095), "eight": None}


def test_memory_of_a_large_image_with_transparency(tmp_path: Path) -> None:
    """Decoding 25 million RGBA pixels takes less than 400 MB beyond the start, in a process of its own."""
    path = tmp_path / "large.png"
    path.write_bytes(
        cv2.imencode(".png", np.zeros((5000, 5000, 4), np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    )
    code = (
        "import resource, sys; from multibox.images.decode import read_image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "read_image(sys.argv[1]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) / (1 if sys.platform == "linux" else 1024) < 400_000
