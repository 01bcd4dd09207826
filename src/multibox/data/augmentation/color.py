"""Photometric distortion: brightness, contrast, saturation and hue, each rounded to 8 bits as in the official code.

Source: ApplyDistort, AdjustBrightness, AdjustContrast, AdjustSaturation and AdjustHue of util/im_transforms.cpp (paper
section 2.2). Hue and saturation are channels of 8-bit HSV, where hue counts from 0 to 179.
"""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class ColorJitter:
    """The probability of each of the four changes and the range of its strength.

    `brightness` and `hue` are the largest amounts added or subtracted, in levels of 255 and in half degrees.
    `contrast` and `saturation` are ranges of factors. `contrast_early` is the share of images whose contrast changes
    before saturation and hue instead of after them.
    """

    probability: float = 0.5
    brightness: float = 32
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: float = 18
    contrast_early: float = 0.5

    def draw(self, rng: np.random.Generator) -> "ColorChange":
        """Draw one change. Each of the four steps is drawn independently, with a uniform amount."""
        brightness, contrast, saturation, hue = (rng.random(4) < self.probability).tolist()
        return ColorChange(
            brightness=rng.uniform(-self.brightness, self.brightness) if brightness else None,
            contrast=rng.uniform(*self.contrast) if contrast else None,
            saturation=rng.uniform(*self.saturation) if saturation else None,
            hue=rng.uniform(-self.hue, self.hue) if hue else None,
            contrast_early=bool(rng.random() < self.contrast_early),
        )


@dataclass(frozen=True)
class ColorChange:
    """The change of the colors of one image. Steps that are None are left out."""

    brightness: float | None = None
    contrast: float | None = None
    saturation: float | None = None
    hue: float | None = None
    contrast_early: bool = True
    pointwise: ClassVar[bool] = True

    def apply(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """The RGB image with its colors changed, or the image itself if all steps are left out."""
        if self.brightness is not None:
            image = _adjusted(image, add=self.brightness)
        if self.contrast is not None and self.contrast_early:
            image = _adjusted(image, factor=self.contrast)
        if self.saturation is not None:
            image = _adjusted_hsv(image, 1, factor=self.saturation)
        if self.hue:
            image = _adjusted_hsv(image, 0, add=self.hue)
        if self.contrast is not None and not self.contrast_early:
            image = _adjusted(image, factor=self.contrast)
        return image


def _adjusted(image: UInt8[np.ndarray, "..."], *, factor: float = 1.0, add: float = 0.0) -> UInt8[np.ndarray, "..."]:
    """Each level times `factor` plus `add`, rounded (halves to even) and clipped to 0..255."""
    return cv2.addWeighted(image, factor, image, 0.0, add)  # the fastest of OpenCV's functions for this


def _adjusted_hsv(
    image: UInt8[np.ndarray, "h w 3"], channel: int, *, factor: float = 1.0, add: float = 0.0
) -> UInt8[np.ndarray, "h w 3"]:
    """`_adjusted` for one channel of HSV. Hue is clipped at 0; above 179 it wraps in the conversion to RGB."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    cv2.insertChannel(_adjusted(cv2.extractChannel(hsv, channel), factor=factor, add=add), hsv, channel)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
