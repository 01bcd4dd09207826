"""Conversion of arrays and PIL images to H x W x 3 uint8 RGB."""

from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.errors import DataError

_STRIP = 1 << 20  # pixels


def as_array(source: Any) -> np.ndarray:
    """Return an array itself, or the pixels of a PIL image as gray or RGB, with or without alpha.

    Raises DataError for other types.
    """
    if isinstance(source, np.ndarray):
        return source
    mode = getattr(source, "mode", None)
    if mode in ("P", "PA", "RGBa"):
        source = source.convert("RGBA" if mode != "P" or "transparency" in source.info else "RGB")
    elif mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        source = source.convert("RGB")
    if not hasattr(source, "__array_interface__") and not hasattr(source, "__array__"):
        raise DataError(
            f"an image cannot be read from {type(source).__name__!r}; give a path, bytes, a numpy array or a PIL image"
        )
    return np.asarray(source)


def from_array(array: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    """Convert gray or RGB of 1, 8 or 16 bits, with or without alpha, to 8-bit RGB over white.

    An array of 8-bit RGB is returned itself, not a copy.

    Raises DataError for another type or shape.
    """
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    if array.dtype not in (np.uint8, np.uint16):
        raise DataError(
            f"the image is an array of {array.dtype}; it must be uint8 or uint16: scale it to 0..255 and convert it"
        )
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4) or 0 in array.shape:
        raise DataError(
            f"the image is an array of shape {array.shape}; it must be height x width or height x width x 3 (RGB)"
        )
    array = _eight_bits(array)
    if array.shape[2] == 3:
        return array
    color, alpha = (array[:, :, :3], array[:, :, 3:]) if array.shape[2] == 4 else (array[:, :, :1], array[:, :, 1:])
    if alpha.size:
        color = _on_white(color, alpha)
    return color if color.shape[2] == 3 else np.repeat(color, 3, axis=2)


def stretched(array: np.ndarray) -> np.ndarray:
    """Map the range of the 16-bit values of the colors to 0 to 65535; other arrays are returned themselves."""
    if array.dtype != np.uint16:
        return array
    colors = array if array.ndim == 2 else array[:, :, : 1 if array.shape[2] == 2 else 3]
    low, high = int(colors.min()), int(colors.max())
    values = np.rint((colors.astype(np.float32) - low) * (65535 / max(high - low, 1))).astype(np.uint16)
    return values if colors.shape == array.shape else np.dstack([values, array[:, :, colors.shape[2] :]])


def _eight_bits(array: np.ndarray) -> UInt8[np.ndarray, "h w c"]:
    """Convert 16 bits to 8: divide by 257 and round, so that 65535 becomes 255."""
    if array.dtype == np.uint8:
        return array
    native = np.ascontiguousarray(array, dtype=np.uint16)
    return cv2.convertScaleAbs(native, alpha=1 / 257).reshape(array.shape)


def _on_white(color: UInt8[np.ndarray, "h w c"], alpha: UInt8[np.ndarray, "h w 1"]) -> UInt8[np.ndarray, "h w c"]:
    result = np.empty(color.shape, np.uint8)
    rows = max(1, _STRIP // color.shape[1])
    for start in range(0, len(color), rows):  # in strips, because 16 bits for all pixels would double the memory
        strip = slice(start, start + rows)
        opaque = alpha[strip].astype(np.uint16)
        result[strip] = (color[strip] * opaque + (255 - opaque) * 255 + 127) // 255
    return result
