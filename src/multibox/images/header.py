"""Size and EXIF orientation of an image file, read from its header without decoding the image.

Formats: JPEG (ITU T.81 annex B), PNG (W3C), WebP (RFC 9649), TIFF 6.0, BMP, GIF89a; orientation is tag 274 of EXIF 2.3.
"""

import struct
from collections.abc import Iterator
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import NamedTuple

from multibox.size import Size

_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274
_SHORT, _LONG = 3, 4


class Header(NamedTuple):
    """`size` is the size as stored, None if unknown; `orientation` is 1 to 8, and 1 is upright."""

    size: Size | None
    orientation: int

    @property
    def upright_size(self) -> Size | None:
        """The size as displayed: orientations 5 to 8 swap height and width."""
        if self.size is None or self.orientation < 5:
            return self.size
        return Size(self.size.width, self.size.height)


def read_header(file: BufferedReader | BytesIO) -> Header:
    """Read size and orientation from an open file; no size and orientation 1 if the header is unknown or broken."""
    file.seek(0)
    start = file.read(12)
    try:
        for matches, parse in _PARSERS:
            if matches(start):
                return parse(file)
    except (struct.error, ValueError, IndexError):
        pass
    return Header(None, 1)


def header_of(path: Path | str) -> Header:
    """Read size and orientation of a file on disk. Raises OSError if it cannot be opened."""
    with open(path, "rb") as file:
        return read_header(file)


def start_of_scan(data: bytes) -> int:
    """Return the offset of the entropy-coded data of a JPEG file; -1 if there is none."""
    return next((offset for marker, offset, _ in _jpeg_segments(BytesIO(data)) if marker == 0xDA), -1)


def _jpeg_segments(file: BufferedReader | BytesIO) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, offset of its content, length) up to and including the first start of scan."""
    offset = 2
    while True:
        file.seek(offset)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return
        if head[1] == 0xFF:  # a fill byte before the marker
            offset += 1
            continue
        length = int.from_bytes(head[2:], "big")
        yield head[1], offset + 4, length - 2
        if head[1] == 0xDA or length < 2:
            return
        offset += 2 + length


def _jpeg(file: BufferedReader | BytesIO) -> Header:
    size, orientation = None, 1
    for marker, offset, length in _jpeg_segments(file):
        file.seek(offset)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">xHH", file.read(5))
            size = _known(width, height)
        elif marker == 0xE1:
            orientation = _exif(file.read(length)) or orientation
    return Header(size, orientation)


def _png(file: BufferedReader | BytesIO) -> Header:
    size, orientation, offset = None, 1, 8
    while True:
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            return Header(size, orientation)
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IHDR":
            size = _known(*struct.unpack(">II", file.read(8)))
        elif kind == b"eXIf":
            orientation = _exif(file.read(length)) or orientation
        offset += 12 + length


def _webp(file: BufferedReader | BytesIO) -> Header:
    size, orientation, offset = None, 1, 12
    while True:
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            return Header(size, orientation)
        kind, length = struct.unpack("<4sI", head)
        if kind == b"EXIF":
            orientation = _exif(file.read(length)) or orientation
        else:
            size = size or _webp_size(kind, file.read(10))
        offset += 8 + length + length % 2


def _webp_size(kind: bytes, content: bytes) -> Size | None:
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[i : i + 3], "little") + 1 for i in (4, 7))
        return Size(height, width)
    if kind == b"VP8L":
        bits = int.from_bytes(content[1:5], "little")
        return Size((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack("<6xHH", content)
        return Size(height & 0x3FFF, width & 0x3FFF)
    return None


def _bmp(file: BufferedReader | BytesIO) -> Header:
    file.seek(14)
    content = file.read(12)
    old = struct.unpack_from("<I", content)[0] == 12
    width, height = struct.unpack_from("<HH" if old else "<ii", content, 4)
    return Header(_known(width, abs(height)), 1)  # a negative height means rows from top to bottom


def _gif(file: BufferedReader | BytesIO) -> Header:
    file.seek(6)
    return Header(_known(*struct.unpack("<HH", file.read(4))), 1)


def _tiff(file: BufferedReader | BytesIO) -> Header:
    tags = _tiff_tags(file)
    return Header(_known(tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0)), _valid(tags.get(_ORIENTATION, 1)) or 1)


def _exif(content: bytes) -> int | None:
    """Return the orientation in an EXIF block, None if the block has none or is not EXIF."""
    content = content.removeprefix(b"Exif\0\0")
    if not _is_tiff(content):
        return None
    return _valid(_tiff_tags(BytesIO(content)).get(_ORIENTATION, 0))


def _tiff_tags(file: BufferedReader | BytesIO) -> dict[int, int]:
    """Return the integers in the first directory of a TIFF structure; a truncated directory is read up to its end."""
    file.seek(0)
    start = file.read(8)
    order = "<" if start[:2] == b"II" else ">"
    file.seek(struct.unpack(order + "I", start[4:])[0])
    (count,) = struct.unpack(order + "H", file.read(2))
    entries = file.read(12 * count)
    tags = {}
    for offset in range(0, len(entries) - 11, 12):
        tag, kind = struct.unpack_from(order + "HH", entries, offset)
        if kind in (_SHORT, _LONG):
            tags[tag] = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), entries, offset + 8)[0]
    return tags


def _known(width: int, height: int) -> Size | None:
    return Size(height, width) if width > 0 and height > 0 else None


def _valid(orientation: int) -> int | None:
    return orientation if 1 <= orientation <= 8 else None


def _is_tiff(start: bytes) -> bool:
    return start[:4] in (b"II*\0", b"MM\0*")


_PARSERS = (
    (lambda start: start.startswith(b"\xff\xd8"), _jpeg),
    (lambda start: start.startswith(b"\x89PNG\r\n\x1a\n"), _png),
    (lambda start: start[:4] == b"RIFF" and start[8:] == b"WEBP", _webp),
    (lambda start: start.startswith(b"BM"), _bmp),
    (lambda start: start.startswith((b"GIF87a", b"GIF89a")), _gif),
    (_is_tiff, _tiff),
)
