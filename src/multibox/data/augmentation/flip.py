"""Flips and quarter turns of a sample, for its boxes and its pixels alike."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from multibox.size import Size


@dataclass(frozen=True)
class Flip:
    """Which flips a sample undergoes, in the order of the fields.

    `mirror` exchanges left and right, `upside_down` top and bottom. `quarter_turn` is 90 degrees counter-clockwise.
    """

    mirror: bool = False
    upside_down: bool = False
    quarter_turn: bool = False

    def boxes(self, boxes: Float32[np.ndarray, "g 4"]) -> Float32[np.ndarray, "g 4"]:
        """Boxes relative to the view as boxes relative to the flipped sample."""
        if self.mirror:
            boxes = mirrored(boxes)
        if self.upside_down:
            boxes = upside_down(boxes)
        return turned(boxes) if self.quarter_turn else boxes

    def pixels(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        """The flipped image."""
        if self.mirror:
            image = cv2.flip(image, 1)
        if self.upside_down:
            image = cv2.flip(image, 0)
        return cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE) if self.quarter_turn else image

    def size_before(self, size: Size) -> Size:
        """The size that an image needs to have `size` after the flips."""
        return Size(size.width, size.height) if self.quarter_turn else size


def mirrored(boxes: Float32[np.ndarray, "g 4"]) -> Float32[np.ndarray, "g 4"]:
    """Relative boxes with left and right exchanged."""
    return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)


def upside_down(boxes: Float32[np.ndarray, "g 4"]) -> Float32[np.ndarray, "g 4"]:
    """Relative boxes with top and bottom exchanged."""
    return np.stack([boxes[:, 0], 1 - boxes[:, 3], boxes[:, 2], 1 - boxes[:, 1]], axis=1)


def turned(boxes: Float32[np.ndarray, "g 4"]) -> Float32[np.ndarray, "g 4"]:
    """Relative boxes after a quarter turn counter-clockwise, which moves the right side to the top."""
    return np.stack([boxes[:, 1], 1 - boxes[:, 2], boxes[:, 3], 1 - boxes[:, 0]], axis=1)
