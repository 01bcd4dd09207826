"""A cache of decoded images in memory."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from multibox.images.decode import read_image


class ImageCache:
    """Reads images, and keeps the first ones that fit into `limit` bytes.

    Nothing is evicted: epochs are random permutations, in which every image is equally likely to come next.
    """

    def __init__(self, limit: int) -> None:
        self._free_bytes = limit
        self._images: dict[tuple[Path, int], UInt8[np.ndarray, "_ _ 3"]] = {}

    def read(self, path: Path, /, *, reduce: int = 1) -> UInt8[np.ndarray, "h w 3"]:
        """The pixels that `read_image` returns, with the same errors. Cached images are read-only."""
        cached = self._images.get((path, reduce))
        if cached is not None:
            return cached
        image = read_image(path, reduce=reduce)
        if image.nbytes <= self._free_bytes:
            image.flags.writeable = False
            self._images[path, reduce] = image
            self._free_bytes -= image.nbytes
        return image
