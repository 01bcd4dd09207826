"""Objects that no prior covers, each with the prior that comes closest."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from multibox.data.show import in_rows
from multibox.drawing.boxes import draw_boxes
from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.priors import PriorSpec, make_prior_corners
from multibox.tiling.missed import MissedObject

_TILE, _TEXT = 260, 26  # pixels
_ROOM = 0.8  # around the two boxes, in their own size
_LEAST = 48.0  # side of what a tile shows, in pixels of the image
_PAPER, _INK = (246, 246, 246), (29, 29, 34)


def draw_missed(
    missed: Sequence[MissedObject], spec: PriorSpec, *, count: int = 24
) -> UInt8[np.ndarray, "H W 3"] | None:
    """The first `count` objects on one sheet, each cut out large, with its box and its best prior, named with its IoU.

    Priors are drawn in the image's own aspect, not in the input's. None where no image can be decoded.
    """
    corners = make_prior_corners(spec).double().numpy()
    tiles: list[UInt8[np.ndarray, "h w 3"]] = []
    for item in missed:
        if len(tiles) == count:
            break
        try:
            image = read_image(item.image)
        except DataError:
            continue
        tiles.append(_tile(image, item, corners[item.prior]))
    return in_rows(tiles) if tiles else None


def _tile(
    image: UInt8[np.ndarray, "h w 3"], item: MissedObject, prior: Float64[np.ndarray, "4"]
) -> UInt8[np.ndarray, "H W 3"]:
    height, width = image.shape[:2]
    boxes = np.stack([np.array(item.box), prior * [width, height, width, height]])
    left, top, side = _window(boxes)
    shown, scale = _cut(image, left, top, side), _TILE / side
    placed = ((boxes - [left, top, left, top]) * scale).clip(0, _TILE).astype(np.float32)
    drawn = draw_boxes(shown, placed, np.array([0, 1]), [item.name, "prior"])
    tile = np.full((_TILE + _TEXT, _TILE, 3), _PAPER, np.uint8)
    tile[:_TILE] = drawn
    text = f"IoU {item.iou:.2f}, {item.shape[0]:.0f} x {item.shape[1]:.0f} px at the input"
    cv2.putText(tile, text, (2, _TILE + _TEXT - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    return tile


def _window(boxes: Float64[np.ndarray, "2 4"]) -> tuple[float, float, float]:
    """Left, top and side of the square around both boxes with some room."""
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    side = max(float((high - low).max()) * (1 + _ROOM), _LEAST)
    left, top = ((low + high) / 2 - side / 2).tolist()
    return left, top, side


def _cut(image: UInt8[np.ndarray, "h w 3"], left: float, top: float, side: float) -> UInt8[np.ndarray, "t t 3"]:
    """A square of the image as a tile, paper where it reaches beyond."""
    scale = _TILE / side
    motion = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float64)
    return cv2.warpAffine(
        image, motion, (_TILE, _TILE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_PAPER
    )
