"""Paths of moving things, lines and zones, drawn into an image."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from multibox.drawing.colors import PAPER, Color
from multibox.drawing.tag import Pen, draw_tag, text_width
from multibox.words import escaped

_SHIFT = 4  # bits of a pixel's fraction in OpenCV's coordinates
_FILL = 0.18
_SHAPE: Color = (255, 205, 60)
_LARGEST = 1 << 20  # pixels, far outside of any image


@dataclass(frozen=True, eq=False)
class Shape:
    """A line of two points, or a zone of three or more, with the rows of text of its tag."""

    points: Float[np.ndarray, "k 2"]
    rows: tuple[str, ...]


def draw_paths(image: UInt8[np.ndarray, "h w 3"], paths: Sequence[tuple[Float[np.ndarray, "_ 2"], Color]]) -> None:
    """Draw open paths of points in pixels, each in a color, into the image."""
    pen = Pen.for_image(*image.shape[:2], boxes=1)
    for points, color in paths:
        if len(points) > 1:
            cv2.polylines(image, [_fixed(points)], False, color, pen.frame, cv2.LINE_AA, _SHIFT)


def draw_shapes(image: UInt8[np.ndarray, "h w 3"], shapes: Sequence[Shape]) -> None:
    """Draw lines, and zones with a light ground, into the image; then their tags at the first point of each."""
    pen = Pen.for_image(*image.shape[:2], boxes=1)
    for shape in shapes:
        points = _fixed(shape.points)
        if len(points) > 2:
            ground = image.copy()
            cv2.fillPoly(ground, [points], _SHAPE, cv2.LINE_AA, _SHIFT)
            cv2.addWeighted(ground, _FILL, image, 1 - _FILL, 0, dst=image)
        cv2.polylines(image, [points], len(points) > 2, _SHAPE, pen.frame, cv2.LINE_AA, _SHIFT)
        if len(points) == 2:
            _draw_arrow(image, shape.points, pen)
    for shape in shapes:
        _draw_rows(image, shape, pen)


def _draw_arrow(image: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "2 2"], pen: Pen) -> None:
    """A short arrow in the middle of a line, to its right side."""
    middle, along = points.mean(axis=0), points[1] - points[0]
    normal = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    tip = middle + normal * 8 * pen.frame
    start, end = (tuple(_fixed(point[None])[0].tolist()) for point in (middle, tip))
    cv2.arrowedLine(image, start, end, _SHAPE, pen.frame, cv2.LINE_AA, _SHIFT, 0.5)


def _draw_rows(image: UInt8[np.ndarray, "h w 3"], shape: Shape, pen: Pen) -> None:
    height, width = image.shape[:2]
    texts = [text if text.isascii() else text.encode("ascii", "replace").decode() for text in map(escaped, shape.rows)]
    length = min(width, max((text_width(text, pen) for text in texts), default=0) + 2 * pen.padding)
    x = int(np.clip(shape.points[0, 0] + 2 * pen.frame, 0, width - length))
    y = int(np.clip(shape.points[0, 1] + 2 * pen.frame, 0, max(0, height - len(texts) * pen.tag)))
    for number, text in enumerate(texts):
        top = y + number * pen.tag
        if top + pen.tag <= height:
            draw_tag(image, (x, top, x + length, top + pen.tag), text, PAPER, pen)


def _fixed(points: Float[np.ndarray, "k 2"]) -> np.ndarray:
    """Points in OpenCV's numbers with a fraction: whole numbers are the centers of pixels."""
    return np.round((np.clip(points, -_LARGEST, _LARGEST) - 0.5) * (1 << _SHIFT)).astype(np.int32)
