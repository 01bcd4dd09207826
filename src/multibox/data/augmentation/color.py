"""Photometric distortion: brightness, contrast, saturation and hue, each rounded to 8 bits as the official code does.

Source: ApplyDistort, AdjustBrightness, AdjustContrast, AdjustSaturation and AdjustHue of util/im_transforms.cpp (paper
section 2.2). Hue and saturation are channels of 8-bit HSV, where hue counts from 0 to 179.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class ColorJitter:
    """How likely each of the four changes is, and how strong it may be.

    `brightness` and `hue` are the largest amounts added or taken away, in levels of 255 and in half degrees;
    `contrast` and `saturation` are ranges of factors. `contrast_early` is the share of images whose contrast changes
    before saturation and hue, not after.
    """

    probability: float = 0.5
    brightness: float = 32
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: float = 18
    contrast_early: float = 0.5


@dataclass(frozen=True)
class ColorChange:
    """What happens to the colors of one image; None where a step is left out."""

    brightness: float | None = None
    contrast: float | None = None
    saturation: float | None = None
    hue: float | None = None
    contrast_early: bool = True


def draw_color(jitter: ColorJitter, rng: np.random.Generator) -> ColorChange:
    """One change, each part with its own coin and its own uniform amount."""
    brightness, contrast, saturation, hue = (rng.random(4) < jitter.probability).tolist()
    return ColorChange(
        brightness=rng.uniform(-jitter.brightness, jitter.brightness) if brightness else None,
        contrast=rng.uniform(*jitter.contrast) if contrast else None,
        saturation=rng.uniform(*jitter.saturation) if saturation else None,
        hue=rng.uniform(-jitter.hue, jitter.hue) if hue else None,
        contrast_early=bool(rng.random() < jitter.contrast_early),
    )


def apply_color(image: UInt8[np.ndarray, "h w 3"], change: ColorChange) -> UInt8[np.ndarray, "h w 3"]:
    """The RGB image with its colors changed; the image itself where nothing is to change."""
    if not image.size:
        return image
    if change.brightness is not None:
        image = _adjusted(image, add=change.brightness)
    if change.contrast is not None and change.contrast_early:
        image = _adjusted(image, factor=change.contrast)
    if change.saturation is not None:
        image = _adjusted_hsv(image, 1, factor=change.saturation)
    if change.hue:
        image = _adjusted_hsv(image, 0, add=change.hue)
    if change.contrast is not None and not change.contrast_early:
        image = _adjusted(image, factor=change.contrast)
    return image


def _adjusted(image: UInt8[np.ndarray, "..."], *, factor: float = 1.0, add: float = 0.0) -> UInt8[np.ndarray, "..."]:
    """Each level times `factor` plus `add`, to the nearest (halves to even) and cut to 0..255."""
    return cv2.addWeighted(image, factor, image, 0.0, add)  # the quickest of OpenCV's functions that do this


def _adjusted_hsv(
    image: UInt8[np.ndarray, "h w 3"], channel: int, *, factor: float = 1.0, add: float = 0.0
) -> UInt8[np.ndarray, "h w 3"]:
    """The same for one channel of HSV. Hue stops at 0 and wraps above 179, in the conversion back."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    cv2.insertChannel(_adjusted(cv2.extractChannel(hsv, channel), factor=factor, add=add), hsv, channel)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
