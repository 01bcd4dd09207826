"""Checks of image files from clients by their header, before anything is decoded."""

from io import BytesIO

from multibox.errors import DataError, ShortMemoryError
from multibox.images.decode import read_image
from multibox.images.header import claimed_size, read_header
from multibox.images.prepare import Prepared, resize_to_input
from multibox.service.problem import Problem, busy
from multibox.size import Size

_SCANS = 20
"""Scans of a JPEG file with as many pixels as are allowed; a smaller image may have more. Encoders write about ten."""


def prepare(data: bytes, *, input_size: Size, max_pixels: int) -> Prepared:
    """Check, decode and resize an image. Raises Problem, without the advice that concerns commands only."""
    check(data, max_pixels=max_pixels)
    try:
        return resize_to_input(read_image(data), input_size)
    except DataError as error:
        raise Problem(422, "bad_image", _advice_for_clients(error)) from None
    except ShortMemoryError:
        raise busy("there is not enough memory for this image at present: try again later", seconds=5) from None


def check(data: bytes, *, max_pixels: int) -> None:
    """Raise Problem: 413 for too many pixels or JPEG scans, 415 for an unknown format, 422 for an empty file."""
    if not data:
        raise Problem(422, "bad_image", "the image is empty: send the bytes of an image file")
    header = read_header(BytesIO(data))
    size = header.size or claimed_size(data)
    if size is None:
        raise Problem(
            415, "unknown_format", f"the image begins with {data[:4]!r}, an unknown format: send JPEG, PNG or WebP"
        )
    # Pixels of more than 3 bytes, with 16 bits or transparency, count in proportion to their bytes.
    pixels = size.height * size.width * header.channels * -(-header.bits // 8) // 3
    if pixels > max_pixels:
        raise Problem(
            413,
            "too_many_pixels",
            f"the image states {size.width:,} x {size.height:,} pixels, and {max_pixels / 1e6:g} megapixels of 3 bytes "
            "are allowed: make it smaller",
        )
    if data.startswith(b"\xff\xd8"):
        _check_scans(data, pixels, max_pixels=max_pixels)


def _check_scans(data: bytes, pixels: int, *, max_pixels: int) -> None:
    """Refuse progressive files that are small but take minutes to decode."""
    scans = data.count(b"\xff\xda")
    if scans > 10 and scans * pixels > _SCANS * max_pixels:
        raise Problem(413, "too_many_scans", f"the JPEG image has {scans} scans, too many for its size: save it again")


def _advice_for_clients(error: DataError) -> str:
    return str(error).partition("; if the image is genuine")[0].replace("the image given as bytes", "the image")
