"""Photometric distortion: brightness, contrast, saturation and hue, each rounded to 8 bits as the official code does.

Source: ApplyDistort, AdjustBrightness, AdjustContrast, AdjustSaturation and AdjustHue of util/im_transforms.cpp (paper
section 2.2). Brightness and contrast are one table, hue and saturation one table each on a channel of 8-bit HSV, where
hue counts from 0 to 179.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

Table = UInt8[np.ndarray, "256"]
_LEVELS = np.arange(256, dtype=np.float32)


@dataclass(frozen=True)
class ColourJitter:
    """How likely each of the four changes is, and how strong it may be.

    `brightness` and `hue` are the largest amounts added or taken away, in levels of 255 and in half degrees;
    `contrast` and `saturation` are ranges of factors. `contrast_early` is the share of pictures whose contrast changes
    before saturation and hue, not after.
    """

    probability: float = 0.5
    brightness: float = 32
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: float = 18
    contrast_early: float = 0.5


@dataclass(frozen=True)
class ColourChange:
    """What happens to the colours of one picture; None where a step is left out."""

    brightness: float | None = None
    contrast: float | None = None
    saturation: float | None = None
    hue: float | None = None
    contrast_early: bool = True


def draw_colour(jitter: ColourJitter, rng: np.random.Generator) -> ColourChange:
    """One change, each part with its own coin and its own uniform amount."""
    brightness, contrast, saturation, hue = (rng.random(4) < jitter.probability).tolist()
    return ColourChange(
        brightness=rng.uniform(-jitter.brightness, jitter.brightness) if brightness else None,
        contrast=rng.uniform(*jitter.contrast) if contrast else None,
        saturation=rng.uniform(*jitter.saturation) if saturation else None,
        hue=rng.uniform(-jitter.hue, jitter.hue) if hue else None,
        contrast_early=bool(rng.random() < jitter.contrast_early),
    )


def apply_colour(image: UInt8[np.ndarray, "h w 3"], change: ColourChange) -> UInt8[np.ndarray, "h w 3"]:
    """The RGB picture with its colours changed; the picture itself where nothing is to change."""
    if not image.size:
        return image
    early = change.contrast if change.contrast_early else None
    late = None if change.contrast_early else change.contrast
    image = _levels(image, _table(add=change.brightness), _table(factor=early))
    image = _hsv(image, 1, _table(factor=change.saturation))
    image = _hsv(image, 0, _table(add=change.hue or None))
    return _levels(image, _table(factor=late))


def _table(*, factor: float | None = None, add: float | None = None) -> Table | None:
    """New level for each level, to the nearest (halves to even) and cut to 0..255; None for no change at all."""
    if factor is None and add is None:
        return None
    levels = _LEVELS * np.float32(1 if factor is None else factor) + np.float32(add or 0)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _levels(image: UInt8[np.ndarray, "h w 3"], *tables: Table | None) -> UInt8[np.ndarray, "h w 3"]:
    """All channels through the tables, one after the other, in a single pass."""
    chain = [table for table in tables if table is not None]
    if not chain:
        return image
    total = chain[0]
    for table in chain[1:]:
        total = table[total]
    return cv2.LUT(image, total)


def _hsv(image: UInt8[np.ndarray, "h w 3"], channel: int, table: Table | None) -> UInt8[np.ndarray, "h w 3"]:
    """One channel of HSV through a table. Hue stops at 0 and wraps above 179, in the conversion back."""
    if table is None:
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    cv2.insertChannel(cv2.LUT(cv2.extractChannel(hsv, channel), table), hsv, channel)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
