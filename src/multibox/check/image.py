"""A small image of the place where an annotation goes wrong."""

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.data.formats.record import RawDataset, RawObject, Record
from multibox.errors import DataError
from multibox.images.decode import read_image

_WIDTH, _HEIGHT = 430, 340  # twice the size at which it is shown
_MARK, _OTHER, _EDGE = (235, 40, 30), (255, 255, 255), (60, 60, 60)
_LEAST = 14  # a box smaller than this is circled too


def draw_record(raw: RawDataset, record: Record, place: str | None) -> UInt8[np.ndarray, "h w 3"] | None:
    """The record's image with all boxes white and the one at `place` red; None where the image does not decode.

    Boxes beyond the image are shown on a border as wide as needed, up to the size of the image.
    """
    try:
        image = read_image(record.image)
    except DataError:
        return None
    marked = [item for item in record.objects if raw.place(item) == place]
    margin = _margin(image, marked)
    scale = min(_WIDTH / (image.shape[1] + 2 * margin), _HEIGHT / (image.shape[0] + 2 * margin), 2.0)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    border = round(margin * scale)
    canvas = cv2.copyMakeBorder(small, border, border, border, border, cv2.BORDER_CONSTANT, value=(128, 128, 128))
    others = [item for item in record.objects if item not in marked]
    for items, color, thickness in ((others, _EDGE, 4), (others, _OTHER, 2), (marked, _MARK, 4)):
        for item in items:
            _box(canvas, item, scale, border, color=color, thickness=thickness)
    return canvas


def _margin(image: UInt8[np.ndarray, "h w 3"], marked: list[RawObject]) -> int:
    """How far the marked boxes reach beyond the image, at most its size."""
    height, width = image.shape[:2]
    boxes = np.nan_to_num(np.array([item.box for item in marked], dtype=np.float64).reshape(-1, 4))
    right, below = boxes[:, ::2].max(initial=0) - width, boxes[:, 1::2].max(initial=0) - height
    reach = max(-boxes.min(initial=0), right, below, 0.0)
    return int(min(reach + 2, max(width, height))) if reach > 1 else 0


def _box(
    canvas: UInt8[np.ndarray, "h w 3"],
    item: RawObject,
    scale: float,
    border: int,
    *,
    color: tuple[int, int, int],
    thickness: int,
) -> None:
    sides = np.nan_to_num(np.array(item.box) * scale + border, posinf=1e4, neginf=-1e4)
    x1, y1, x2, y2 = (int(side) for side in np.clip(sides, -1e4, 1e4).round())
    cv2.rectangle(canvas, (x1, y1), (x2, y2), color, thickness, cv2.LINE_AA)
    if color == _MARK and max(abs(x2 - x1), abs(y2 - y1)) < _LEAST:
        cv2.circle(canvas, ((x1 + x2) // 2, (y1 + y2) // 2), 2 * _LEAST, color, thickness, cv2.LINE_AA)
