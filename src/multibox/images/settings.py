"""Settings of reading images, from environment variables, which loader workers inherit.

MULTIBOX_MAX_PIXELS is how many pixels an image may have, checked on its header before memory is allocated.
MULTIBOX_16_BIT says how 16 bits become 8: `scale` divides by 257, `stretch` maps the range of each image to 0 to 255.
"""

import os

from multibox.errors import DataError, UsageError
from multibox.images.header import Header
from multibox.size import Size

VARIABLE = "MULTIBOX_MAX_PIXELS"
_SIXTEEN_BIT = "MULTIBOX_16_BIT"
DEFAULT_MAX_PIXELS = 120_000_000
_USUAL_BYTES = 3  # a pixel of 8-bit RGB
_OPENCV_SIDE, _OPENCV_PIXELS = 1 << 20, 1 << 30


def max_pixels() -> int:
    """Return the largest number of pixels that images may have: of the environment variable, else the default.

    Raises UsageError if the variable is not a positive whole number.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return DEFAULT_MAX_PIXELS
    if not text.isdecimal() or not text.isascii() or int(text[:19]) == 0:
        raise UsageError(f"the environment variable {VARIABLE} is {text!r}; it must be a positive whole number")
    return int(text[:19])


def set_max_pixels(pixels: int) -> None:
    """Set the limit for this process and for those that it starts."""
    os.environ[VARIABLE] = str(pixels)


def stretches_16_bits() -> bool:
    """Return whether the range of each 16-bit image is mapped to 0 to 255. Raises UsageError for an unknown setting."""
    setting = os.environ.get(_SIXTEEN_BIT) or "scale"
    if setting not in ("scale", "stretch"):
        raise UsageError(f"the environment variable {_SIXTEEN_BIT} is {setting!r}; it must be scale or stretch")
    return setting == "stretch"


def set_stretches_16_bits() -> None:
    """Stretch 16-bit images in this process and in those that it starts."""
    os.environ[_SIXTEEN_BIT] = "stretch"


def reading_environment() -> tuple[tuple[str, str], ...]:
    """Return the variables that are set, for a process on another machine."""
    return tuple((name, os.environ[name]) for name in (VARIABLE, _SIXTEEN_BIT) if name in os.environ)


def require_allowed_size(size: Size, header: Header, *, name: str) -> None:
    """Raise DataError if the header of a file states more pixels than are allowed.

    Pixels of more than 3 bytes, with 16 bits or transparency, count in proportion to their bytes.
    """
    pixels, limit = size.height * size.width, max_pixels()
    bytes_each = header.channels * -(-header.bits // 8)
    if pixels * bytes_each <= limit * _USUAL_BYTES and max(size) <= _OPENCV_SIDE and pixels <= _OPENCV_PIXELS:
        return
    stated = f"it states {size.width:,} x {size.height:,} pixels"
    if pixels * bytes_each > limit * _USUAL_BYTES:
        each = f" of {bytes_each} bytes" if bytes_each > _USUAL_BYTES else ""
        needed = -(-pixels * bytes_each // _USUAL_BYTES)
        raise DataError(
            f"cannot decode {name}: too many pixels: {stated}{each}, and the limit is {limit:,} pixels of 3 bytes; if "
            f"the image is genuine, raise the limit with --max-pixels {needed} or {VARIABLE}={needed}"
        )
    raise DataError(
        f"cannot decode {name}: too many pixels: {stated}, and OpenCV reads up to {_OPENCV_SIDE:,} on a side and "
        f"{_OPENCV_PIXELS:,} in all; cut the image into tiles"
    )
