"""Distortions: random changes of an image's pixels that move no object."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8


@runtime_checkable
class PixelChange(Protocol):
    """A change of one image, with all random decisions made."""

    @property
    def pointwise(self) -> bool:
        """Whether each pixel of the result depends only on the same pixel, so that the change may precede resizing."""
        ...

    def apply(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """The changed RGB image, or the image itself if nothing changes. The image is not written to."""
        ...


@runtime_checkable
class Distortion(Protocol):
    """Settings of a random change of pixels, as a frozen dataclass that is a field of `Augmentation`."""

    def draw(self, rng: np.random.Generator) -> PixelChange:
        """Decide about one image."""
        ...
