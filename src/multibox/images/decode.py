"""Decoding of images from files, bytes and arrays to upright H x W x 3 uint8 RGB, as a viewer shows them.

Gray becomes three equal channels, CMYK becomes RGB, transparency is composed over white, 16 bits are scaled to 8 (65535
becomes 255), the EXIF orientation is applied, and an animation is read as its first frame. Images with more pixels than
`settings.max_pixels()` are refused by their header.
"""

import os
import stat
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.errors import DataError, ShortMemoryError
from multibox.images.header import Header, claimed_size, has_whole_chunks, header_of, read_header, start_of_scan
from multibox.images.pixels import as_array, from_array, stretched
from multibox.images.settings import require_allowed_size, stretches_16_bits
from multibox.size import Size

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".gif", ".tif", ".tiff", ".jp2", ".avif")
)

_TIFF_SUFFIXES = (".tif", ".tiff")
_NO_MEMORY = -4  # Error::StsNoMem of OpenCV
_AS_STORED = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION  # the orientation is that of our header reader
UNSUPPORTED_SUFFIXES = frozenset((".heic", ".heif", ".hif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".psd"))
"""Image formats that are recognized by name but cannot be read, so that such files are reported."""

_JPEG_FLAGS = {  # the gray flags carry only the scale; the color comes from IMREAD_COLOR_RGB
    1: _AS_STORED,
    2: _AS_STORED | cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: _AS_STORED | cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: _AS_STORED | cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


def read_image(source: Any, *, reduce: int = 1) -> UInt8[np.ndarray, "h w 3"]:
    """Return the upright RGB image, reduced by the factor `reduce`: 1, 2, 4 or 8.

    `source` is a path, the bytes of a file, an array (H W, H W 1, H W 2, H W 3 or H W 4 in RGB order; uint8, uint16 or
    bool) or a PIL image. Arrays and PIL images are used as they are in memory, without an orientation. Coordinates in
    a reduced image are those of the whole image divided by `reduce`; its size is rounded up. JPEG is decoded directly
    at the reduced size, which is faster.
    Raises DataError if the file is missing, truncated, damaged, not an image or has too many pixels, or the array has
    another type, and ShortMemoryError if there is not enough memory.
    """
    if reduce not in _JPEG_FLAGS:
        raise ValueError(f"reduce is {reduce}; it must be 1, 2, 4 or 8")
    if isinstance(source, str | Path):
        return _decode(_contents(source), reduce, name=str(source))
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(bytes(source), reduce, name="the image given as bytes")
    return _smaller(from_array(as_array(source)), reduce)


def image_size(path: Path | str) -> Size:
    """Return the size of the image as displayed, after the EXIF orientation. Labels and boxes refer to it.

    Reads only the header, and decodes the image if the header does not contain the size, or is that of a turned TIFF
    file, because OpenCV applies the orientation of those by its own reading of the header.
    Raises DataError if the file is missing or is not an image.
    """
    header = _header(path)
    size = None if header.orientation > 1 and Path(path).suffix.lower() in _TIFF_SUFFIXES else header.upright_size
    return Size(*read_image(path).shape[:2]) if size is None else size


def known_image_size(path: Path) -> Size | None:
    """Return the size as `image_size` does; None if the file is missing or is not an image."""
    try:
        return image_size(path) if path.is_file() else None
    except (DataError, OSError):
        return None


def exif_orientation(path: Path | str) -> int:
    """Return the orientation of EXIF tag 274, 1 to 8; 1 (upright) if the file has none. 5 to 8 swap height and width.

    Raises DataError if the file is missing.
    """
    return _header(path).orientation


def narrow_range(path: Path | str) -> tuple[int, int] | None:
    """Return the smallest and the largest value of a 16-bit image that uses less than an eighth of the range.

    Returns None for other images. Such an image is nearly uniform after its values are scaled to 8 bits.
    """
    if _header(path).bits <= 8:
        return None
    pixels = _decoded(_contents(path), cv2.IMREAD_ANYDEPTH)
    if pixels is None or pixels.dtype != np.uint16:
        return None
    low, high = int(pixels.min()), int(pixels.max())
    return (low, high) if high - low < 65536 // 8 else None


def _header(path: Path | str) -> Header:
    _require_regular(path)
    try:
        return header_of(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _contents(path: Path | str) -> bytes:
    _require_regular(path)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _require_regular(path: Path | str) -> None:
    """Raise DataError for a pipe, a socket or a device, from which reading may never end."""
    try:
        mode = os.stat(path).st_mode
    except OSError:  # opening it says why
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise DataError(f"cannot open the image {path}: it is a pipe, a socket or a device; give a regular file")


def _unreadable(path: Path | str, error: OSError) -> DataError:
    reason = (error.strerror or str(error)).lower()
    return DataError(f"cannot open the image {path}: {reason}; check the path and its permissions")


def _decode(data: bytes, reduce: int, *, name: str) -> UInt8[np.ndarray, "h w 3"]:
    try:
        return _decode_stored(data, reduce, name=name)
    except MemoryError:
        raise _short_of_memory(data, name) from None


def _decode_stored(data: bytes, reduce: int, *, name: str) -> UInt8[np.ndarray, "h w 3"]:
    header, jpeg = read_header(BytesIO(data)), data.startswith(b"\xff\xd8")
    size = header.size or claimed_size(data)
    if size is not None:
        require_allowed_size(size, header, name=name)
    broken = (jpeg and _cut_off(data)) or (_is_png(data) and not has_whole_chunks(data))
    flags = _JPEG_FLAGS[reduce] if jpeg else cv2.IMREAD_UNCHANGED
    pixels = None if broken or not data else _decoded(data, flags)
    if pixels is None:
        if not broken and size is not None and not _fits_memory(size, header):
            raise MemoryError
        raise DataError(f"cannot decode {name}: {_diagnosis(data)}")
    if jpeg:  # color and scale are already right
        return _upright(pixels, header.orientation)
    image = _flattened(data, stretched(pixels) if stretches_16_bits() else pixels, name)
    if not _is_tiff(data):  # OpenCV's TIFF reader has already applied the orientation
        image = _upright(image, header.orientation)
    return _smaller(image, reduce)


def _decoded(data: bytes, flags: int) -> np.ndarray | None:
    """Decode with OpenCV; None if it fails. Raises MemoryError if OpenCV reports a lack of memory."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if error.code == _NO_MEMORY:
            raise MemoryError from None
        return None


def _fits_memory(size: Size, header: Header) -> bool:
    """Whether memory for the decoded image and one copy can be allocated, which decoders do not always report."""
    try:
        np.empty(2 * size.height * size.width * header.channels * -(-header.bits // 8), np.uint8)
    except MemoryError:
        return False
    return True


def _short_of_memory(data: bytes, name: str) -> ShortMemoryError:
    size = claimed_size(data)
    pixels = f" its {size.width:,} x {size.height:,} pixels" if size else ""
    return ShortMemoryError(f"not enough memory to decode {name}:{pixels}; use a smaller image or fewer processes")


def _flattened(data: bytes, pixels: np.ndarray, name: str) -> UInt8[np.ndarray, "h w 3"]:
    """Return pixels in OpenCV's order, blue first, as RGB without transparency."""
    if pixels.dtype not in (np.uint8, np.uint16):
        raise DataError(
            f"cannot use {name}: its values are {pixels.dtype}, which has no fixed white; save it with 8 or 16 bits"
        )
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    if _is_tiff(data) and pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 4:
        return pixels[:, :, :3] + (255 - pixels[:, :, 3:])  # OpenCV's TIFF reader has already multiplied by alpha
    return from_array(pixels)


def _upright(image: UInt8[np.ndarray, "h w 3"], orientation: int) -> UInt8[np.ndarray, "rows columns 3"]:
    if orientation == 1:
        return image
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def _smaller(image: UInt8[np.ndarray, "h w 3"], reduce: int) -> UInt8[np.ndarray, "rows columns 3"]:
    """Return the mean of each square of `reduce` x `reduce` pixels; the border is repeated, as in the JPEG decoder."""
    if reduce == 1:
        return image
    height, width = image.shape[:2]
    whole = cv2.copyMakeBorder(image, 0, -height % reduce, 0, -width % reduce, cv2.BORDER_REPLICATE)
    return cv2.resize(whole, (whole.shape[1] // reduce, whole.shape[0] // reduce), interpolation=cv2.INTER_AREA)


def _is_tiff(data: bytes) -> bool:
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _is_png(data: bytes) -> bool:
    return data.startswith(b"\x89PNG\r\n\x1a\n")


def _cut_off(data: bytes) -> bool:
    """Whether a JPEG has no end-of-image marker after the start of its scan; it may be padded with zeros."""
    return data[-2:] != b"\xff\xd9" and data.find(b"\xff\xd9", max(start_of_scan(data), 0)) < 0


def _diagnosis(data: bytes) -> str:
    """Return why a file cannot be decoded, as far as its bytes show, and what to do."""
    if not data:
        return "the file is empty; download it again"
    if data.startswith(b"\xff\xd8"):
        return _cut_or_damaged(_cut_off(data))
    if data.startswith(b"\x89PNG"):
        return _cut_or_damaged(b"IEND" not in data[-16:] or not has_whole_chunks(data))
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return "it is a HEIC image, which is not supported; convert it to JPEG"
    if data.lstrip()[:1] in (b"<", b"{"):
        return "it contains text, perhaps an error page, and not an image; download it again"
    if read_header(BytesIO(data)).size is None:
        return f"it begins with {data[:4]!r}, which is not a known image format; convert it to JPEG or PNG"
    return "its data is truncated or damaged; download it again or save it again"


def _cut_or_damaged(cut: bool) -> str:
    if cut:
        return "it is truncated, as after an interrupted copy or download; download it again"
    return "its data is damaged; download it again or save it again"
