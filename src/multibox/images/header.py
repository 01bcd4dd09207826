"""Size and EXIF orientation of an image file, read from its header without decoding the image.

Formats: JPEG (ITU T.81 annex B), PNG (W3C), WebP (RFC 9649), TIFF 6.0, BMP, GIF89a; orientation is tag 274 of EXIF 2.3.
"""

import re
import struct
from collections.abc import Iterator
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import NamedTuple

from multibox.size import Size

_WIDTH, _HEIGHT, _BITS, _ORIENTATION, _SAMPLES = 256, 257, 258, 274, 277
_TYPES = {1: "B", 3: "H", 4: "I"}  # BYTE, SHORT, LONG
_STRAY = 1 << 16  # bytes that are searched for the next segment of a JPEG file
_WITHOUT_CONTENT = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))  # markers that consist of two bytes
_BOXES = 1 << 16  # bytes at the start of a JPEG 2000 or AVIF file, which contain its size


class Header(NamedTuple):
    """The header of an image file.

    `size` is the size as stored, None if unknown. `orientation` is 1 to 8, and 1 is upright. `bits` are those of one
    value, `channels` the values of a decoded pixel, at least 3.
    """

    size: Size | None
    orientation: int
    bits: int = 8
    channels: int = 3

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
        if len(head) < 4:
            return
        if head[0] != 0xFF:  # stray bytes between segments are skipped, as decoders do
            skipped = (head + file.read(_STRAY)).find(b"\xff")
            if skipped < 0:
                return
            offset += skipped
            continue
        if head[1] == 0xFF:  # a fill byte before the marker
            offset += 1
            continue
        if head[1] in _WITHOUT_CONTENT:
            offset += 2
            continue
        if head[1] == 0xD9:
            return
        length = int.from_bytes(head[2:], "big")
        yield head[1], offset + 4, length - 2
        if head[1] == 0xDA or length < 2:
            return
        offset += 2 + length


def claimed_size(data: bytes) -> Size | None:
    """Return the number of rows and columns that a decoder would allocate, also if the upright size is not known."""
    size = read_header(BytesIO(data)).size
    if size is not None:
        return size
    start = data[:_BOXES]
    if found := re.match(rb"P[1-6]\s(?:\s*#[^\n]*\n|\s)*(\d{1,9})\s+(\d{1,9})", start):
        return Size(int(found[2]), int(found[1]))
    if start.startswith(b"\x59\xa6\x6a\x95") and len(start) >= 12:  # Sun raster
        return _known(*struct.unpack_from(">II", start, 4))
    if start[:4] in (b"II+\0", b"MM\0+"):
        return _big_tiff_size(data)
    if start.startswith(b"\xff\x4f\xff\x51") and len(start) >= 16:  # a bare JPEG 2000 codestream
        return _known(*struct.unpack_from(">II", start, 8))
    sizes = [
        _known(*struct.unpack_from(">II", found[1])) for found in re.finditer(rb"ispe.{4}(.{8})", start, re.DOTALL)
    ]
    sizes += [
        _known(*struct.unpack_from(">II", found[1])[::-1]) for found in re.finditer(rb"ihdr(.{8})", start, re.DOTALL)
    ]
    return max((size for size in sizes if size), key=lambda size: size.height * size.width, default=None)


def _big_tiff_size(data: bytes) -> Size | None:
    """Return the size in the first directory of a BigTIFF file: entries of 20 bytes with 8-byte values."""
    order, tags = "<" if data[:2] == b"II" else ">", {}
    try:
        directory = struct.unpack_from(order + "Q", data, 8)[0]
        for number in range(min(struct.unpack_from(order + "Q", data, directory)[0], 1 << 12)):
            tag, kind, _, *_ = struct.unpack_from(order + "HHQ", data, directory + 8 + 20 * number)
            letter = {**_TYPES, 16: "Q"}.get(kind)
            if letter:
                tags[tag] = struct.unpack_from(order + letter, data, directory + 20 + 20 * number)[0]
    except (struct.error, OverflowError):
        return None
    return _known(tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0))


def has_whole_chunks(data: bytes) -> bool:
    """Whether each chunk of a PNG file up to the last one ends inside the file."""
    offset = 8
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        offset += 12 + length
        if offset > len(data):
            return False
        if kind == b"IEND":
            break
    return True


def _jpeg(file: BufferedReader | BytesIO) -> Header:
    """The first EXIF block with an orientation counts, as in OpenCV and PIL."""
    size, orientation = None, None
    for marker, offset, length in _jpeg_segments(file):
        file.seek(offset)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">xHH", file.read(5))
            size = _known(width, height)
        elif marker == 0xE1:
            orientation = orientation or _exif(file.read(length))
    return Header(size, orientation or 1)


def _png(file: BufferedReader | BytesIO) -> Header:
    size, orientation, bits, channels, offset = None, None, 8, 3, 8
    while True:
        file.seek(offset)
        head = file.read(8)
        length, kind = struct.unpack(">I4s", head) if len(head) == 8 else (0, b"IEND")
        if kind == b"IEND":
            return Header(size, orientation or 1, bits, channels)
        if kind == b"IHDR" and size is None:
            width, height, depth, color = struct.unpack(">IIBB", file.read(10))
            size, bits, channels = _known(width, height), max(8, depth), 4 if color & 4 else 3
        elif kind == b"eXIf":
            orientation = orientation or _exif(file.read(length))
        offset += 12 + length


def _webp(file: BufferedReader | BytesIO) -> Header:
    size, orientation, offset = None, None, 12
    while True:
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            return Header(size, orientation or 1, channels=4)
        kind, length = struct.unpack("<4sI", head)
        if kind == b"EXIF":
            orientation = orientation or _exif(file.read(length))
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
    size = _known(tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0))
    orientation = _valid(tags.get(_ORIENTATION, 1)) or 1
    return Header(size, orientation, max(8, tags.get(_BITS, 1)), min(4, max(3, tags.get(_SAMPLES, 1))))


def _exif(content: bytes) -> int | None:
    """Return the orientation in an EXIF block, None if the block has none or is not EXIF."""
    content = content.removeprefix(b"Exif\0\0")
    if not _is_tiff(content):
        return None
    try:
        return _valid(_tiff_tags(BytesIO(content)).get(_ORIENTATION, 0))
    except struct.error:
        return None


def _tiff_tags(file: BufferedReader | BytesIO) -> dict[int, int]:
    """Return the integers in the first directory of a TIFF structure; a truncated directory is read up to its end."""
    file.seek(0)
    start = file.read(8)
    order = "<" if start[:2] == b"II" else ">"
    file.seek(struct.unpack(order + "I", start[4:])[0])
    (count,) = struct.unpack(order + "H", file.read(2))
    entries = file.read(12 * count)
    tags: dict[int, int] = {}
    for offset in range(0, len(entries) - 11, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", entries, offset)
        if kind not in _TYPES or tag in tags:  # of entries with the same tag, the first counts
            continue
        letter = order + _TYPES[kind]
        if count * struct.calcsize(letter) <= 4:
            tags[tag] = struct.unpack_from(letter, entries, offset + 8)[0]
        elif tag == _BITS:  # several values are in another place
            file.seek(struct.unpack_from(order + "I", entries, offset + 8)[0])
            tags[tag] = struct.unpack(letter, file.read(struct.calcsize(letter)))[0]
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
