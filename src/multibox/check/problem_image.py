"""A small image of the place of a problem in an annotation."""

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.data.formats.record import RawDataset, RawObject, Record
from multibox.drawing.colors import Color
from multibox.errors import DataError
from multibox.images.decode import read_image

_MAX_WIDTH, _MAX_HEIGHT = 430, 340  # twice the size at which the report shows it
_MARKED_COLOR, _OTHER_COLOR, _OUTLINE_COLOR, _BORDER_COLOR = (235, 40, 30), (255, 255, 255), (60, 60, 60), (128,) * 3
_CIRCLED_BELOW = 14  # a marked box smaller than this, in pixels, gets a circle around it


def draw_problem(raw: RawDataset, record: Record, place: str | None) -> UInt8[np.ndarray, "h w 3"] | None:
    """The record's image with all boxes in white and the box at `place` in red; None if the image does not decode.

    If the red box reaches beyond the image, there is a border around the image, at most as wide as the image.
    """
    try:
        image = read_image(record.image)
    except DataError:
        return None
    marked = [item for item in record.objects if raw.place(item) == place]
    margin = _margin(image, marked)
    scale = min(_MAX_WIDTH / (image.shape[1] + 2 * margin), _MAX_HEIGHT / (image.shape[0] + 2 * margin), 2.0)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    border = round(margin * scale)
    canvas = cv2.copyMakeBorder(small, border, border, border, border, cv2.BORDER_CONSTANT, value=_BORDER_COLOR)
    others = [item for item in record.objects if item not in marked]
    for items, color, thickness in (
        (others, _OUTLINE_COLOR, 4),
        (others, _OTHER_COLOR, 2),
        (marked, _MARKED_COLOR, 4),
    ):
        for item in items:
            _draw_box(canvas, item, scale, border, color=color, thickness=thickness)
    return canvas


def _margin(image: UInt8[np.ndarray, "h w 3"], marked: list[RawObject]) -> int:
    """How far the marked boxes reach beyond the image, in its pixels; at most its longer side."""
    height, width = image.shape[:2]
    boxes = np.nan_to_num(np.array([item.box for item in marked], dtype=np.float64).reshape(-1, 4))
    right, below = boxes[:, ::2].max(initial=0) - width, boxes[:, 1::2].max(initial=0) - height
    beyond = max(-boxes.min(initial=0), right, below, 0.0)
    return int(min(beyond + 2, max(width, height))) if beyond > 1 else 0


def _draw_box(
    canvas: UInt8[np.ndarray, "h w 3"], item: RawObject, scale: float, border: int, *, color: Color, thickness: int
) -> None:
    sides = np.nan_to_num(np.array(item.box) * scale + border, posinf=1e4, neginf=-1e4)
    x1, y1, x2, y2 = (int(side) for side in np.clip(sides, -1e4, 1e4).round())
    cv2.rectangle(canvas, (x1, y1), (x2, y2), color, thickness, cv2.LINE_AA)
    if color == _MARKED_COLOR and max(abs(x2 - x1), abs(y2 - y1)) < _CIRCLED_BELOW:
        cv2.circle(canvas, ((x1 + x2) // 2, (y1 + y2) // 2), 2 * _CIRCLED_BELOW, color, thickness, cv2.LINE_AA)
