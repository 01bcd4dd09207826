"""Decoded images kept in memory, for data sets that are small enough."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from multibox.images.decode import read_image


class ImageCache:
    """Reads images and keeps those that fit into `limit` bytes; the first come stay.

    Epochs are permutations, in which the image used longest ago is as likely to come next as any other, so that
    nothing is gained by putting one image out for another.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._images: dict[tuple[Path, int], UInt8[np.ndarray, "_ _ 3"]] = {}

    def read(self, path: Path, /, *, reduce: int = 1) -> UInt8[np.ndarray, "h w 3"]:
        """The same pixels as `read_image` gives, which raises the same errors; kept images cannot be written to."""
        kept = self._images.get((path, reduce))
        if kept is not None:
            return kept
        image = read_image(path, reduce=reduce)
        if image.nbytes <= self._free:
            image.flags.writeable = False
            self._images[path, reduce] = image
            self._free -= image.nbytes
        return image
