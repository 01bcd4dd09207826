"""Writing RGB images as JPEG or PNG, and choosing the files for them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.errors import DataError, UsageError
from multibox.system.atomic import write_atomically

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
_JPEG_SIDE = 65_500  # pixels that libjpeg encodes
_OUT_SUFFIXES = (".png", ".jpg", ".jpeg")


def require_image_suffix(out: Path) -> None:
    """Raise UsageError if the suffix of an output file is not that of PNG or JPEG."""
    if out.suffix.lower() not in _OUT_SUFFIXES:
        raise UsageError(f"--out {out} must end in one of {', '.join(_OUT_SUFFIXES)}")


def write_image(path: Path, image: UInt8[np.ndarray, "h w 3"], *, quality: int = 95) -> None:
    """Write an RGB image as JPEG or PNG, chosen by the suffix; missing folders are created.

    The file appears when it is complete. Raises DataError if the format cannot hold the image, and OSError if the file
    cannot be written.
    """
    if _is_jpeg(path) and max(image.shape[:2]) > _JPEG_SIDE:
        raise DataError(
            f"cannot write {path}: the image has {image.shape[1]:,} x {image.shape[0]:,} pixels, and JPEG holds up to "
            f"{_JPEG_SIDE:,} on a side; write a PNG file"
        )
    data = encode_jpeg(image, quality=quality) if _is_jpeg(path) else encode_png(image)
    write_atomically(path, data)


def encode_jpeg(image: UInt8[np.ndarray, "h w 3"], *, quality: int = 95) -> bytes:
    """Return the bytes of a JPEG file. Raises DataError if the image has more than 65,500 pixels on a side."""
    return _encoded(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(image: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """Return the bytes of a PNG file. Raises DataError if OpenCV cannot encode the image."""
    return _encoded(".png", image, [])


def _encoded(suffix: str, image: UInt8[np.ndarray, "h w 3"], settings: list[int]) -> bytes:
    height, width = image.shape[:2]
    try:
        done, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)
    except cv2.error:
        done = False
    if not done:
        raise DataError(f"cannot encode an image of {width:,} x {height:,} pixels as {suffix[1:]}; make it smaller")
    return data.tobytes()


def result_paths(files: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Return the file in `folder` for the image drawn from each file: JPEG for JPEG, PNG for all others.

    Names are kept; equal names get a number: a.jpg, a-2.jpg. Raises UsageError if a result would overwrite one of
    the files, or `folder` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file: give a folder; it is created if it does not exist")
    taken: set[str] = set()
    targets = {file: folder / _free_name(file, taken) for file in files}
    originals = {file.resolve() for file in files}
    for target in targets.values():
        if target.resolve() in originals:
            raise UsageError(f"--out {folder} would overwrite the image {target}: choose another folder")
    return targets


def _free_name(file: Path, taken: set[str]) -> str:
    suffix = file.suffix if _is_jpeg(file) else ".png"
    name, number = f"{file.stem}{suffix}", 1
    while name.lower() in taken:
        number += 1
        name = f"{file.stem}-{number}{suffix}"
    taken.add(name.lower())
    return name


def _is_jpeg(path: Path) -> bool:
    return path.suffix.lower() in _JPEG_SUFFIXES
