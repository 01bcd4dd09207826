"""Images that calibrate a quantizer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from multibox.data.load import load_dataset
from multibox.errors import DataError
from multibox.images.find import find_images
from multibox.images.prepare import Prepared, prepare_ahead
from multibox.size import Size


def calibration_images(
    path: Path | str, *, input_size: Size, split: str | None = None, limit: int = 300
) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Up to `limit` images at the input size (height, width), evenly spaced in a data set or a folder of images.

    Images that cannot be read are skipped. Raises DataError if none is left, and the errors of `load_dataset`.
    """
    files = _files(Path(path), split=split)
    chosen = _spread(files, limit)
    prepared = prepare_ahead(chosen, input_size=input_size, ahead=8)
    images = [image.pixels for image in prepared if isinstance(image, Prepared)]
    if not images:
        raise DataError(f"none of the {len(chosen)} images of {path} can be read: choose others")
    return images


def _files(path: Path, *, split: str | None) -> Sequence[Path]:
    if path.is_dir() and split is None:
        found = find_images([path]).files
        if found:
            return found
    return [example.image for example in load_dataset(path, split=split)]


def _spread(files: Sequence[Path], limit: int) -> list[Path]:
    places = np.linspace(0, len(files) - 1, min(limit, len(files))).round().astype(int)
    return [files[place] for place in places]
