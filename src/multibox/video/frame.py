"""One image of a video."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True, eq=False)
class Frame:
    """An upright RGB image with its `time` in seconds, by the clock of the source, and its `index` from 0.

    The times of a file begin where the file begins; those of a live source begin with its first frame. `received` is
    the `time.monotonic()` at which a live source delivered the frame, None for files.
    """

    image: UInt8[np.ndarray, "h w 3"]
    time: float
    index: int
    received: float | None = None
