"""Tags: short texts on a colored ground, in sizes that fit the image."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.drawing.colors import Color, text_color
from multibox.drawing.letters import draw_text, text_length

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITAL_HEIGHT = 22  # pixels, at scale 1 of the font

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True)
class Pen:
    """Sizes in pixels: frame width, font scale and stroke, height of the tag, padding at its sides and below."""

    frame: int
    scale: float
    stroke: int
    tag: int
    padding: int
    below: int

    @classmethod
    def for_image(cls, height: int, width: int, *, boxes: int) -> "Pen":
        """Sizes in proportion to the image, because it is scaled to a screen; smaller if there are many boxes."""
        side = (height * width) ** 0.5 * min(1.0, (20 / max(boxes, 1)) ** 0.3)
        capital = max(8.0, side / 54)
        padding = max(2, round(capital * 0.4))
        below = round(capital * 0.4) + 2  # space for descenders
        frame = max(round(side / 230), 2 if side > 200 else 1)  # frames of one pixel are hard to see
        stroke = max(1, round(capital / 11))
        return cls(frame, capital / _CAPITAL_HEIGHT, stroke, round(capital) + padding + below, padding, below)


def text_width(text: str, pen: Pen) -> int:
    """The width of a text in pixels."""
    if not text.isascii():
        return text_length(text, capital=pen.scale * _CAPITAL_HEIGHT)
    return int(cv2.getTextSize(text, _FONT, pen.scale, pen.stroke)[0][0])


def draw_tag(image: UInt8[np.ndarray, "h w 3"], tag: Rectangle, text: str, color: Color, pen: Pen) -> None:
    """Draw a text on its ground into the rectangle of the image."""
    x1, y1, x2, y2 = tag
    inside = image[y1:y2, x1:x2]  # drawing in the slice keeps every letter inside
    inside[:] = color
    baseline, ink = y2 - y1 - pen.below, text_color(color)
    if text.isascii():
        cv2.putText(inside, text, (pen.padding, baseline), _FONT, pen.scale, ink, pen.stroke, cv2.LINE_AA)
    else:
        capital = pen.scale * _CAPITAL_HEIGHT
        draw_text(inside, text, left=pen.padding, baseline=baseline, capital=capital, color=ink)
