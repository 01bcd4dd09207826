"""Drawings of the objects that no prior covers, each with the prior that comes closest."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from multibox.drawing.boxes import draw_boxes
from multibox.drawing.colors import INK, PAPER
from multibox.drawing.grid import in_rows
from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.priors import PriorSpec, make_prior_corners
from multibox.tiling.missed import MissedObject

_TILE_SIDE, _TEXT_HEIGHT = 260, 26  # pixels of the sheet
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.45
_SURROUNDINGS = 0.8  # what a tile shows around the two boxes, as a share of their own extent
_SMALLEST_WINDOW = 48.0  # side of the part of the image that a tile shows, in pixels of the image


def draw_missed(
    missed: Sequence[MissedObject], spec: PriorSpec, *, count: int = 24
) -> UInt8[np.ndarray, "H W 3"] | None:
    """A sheet of the first `count` objects, each enlarged, with its box and its best prior, and their IoU below.

    Priors have the aspect of the image, not that of the network's input. Images that cannot be decoded are left out;
    None if no image can be decoded.
    """
    corners = make_prior_corners(spec).astype(np.float64)
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
    scale = _TILE_SIDE / side
    placed = ((boxes - [left, top, left, top]) * scale).clip(0, _TILE_SIDE).astype(np.float32)
    tile = np.full((_TILE_SIDE + _TEXT_HEIGHT, _TILE_SIDE, 3), PAPER, np.uint8)
    part = _part_of_image(image, left, top, scale)
    tile[:_TILE_SIDE] = draw_boxes(part, placed, np.array([0, 1]), [item.name, "prior"])
    text = f"IoU {item.iou:.2f}, {item.shape[0]:.0f} x {item.shape[1]:.0f} px at the input"
    cv2.putText(tile, text, (2, _TILE_SIDE + _TEXT_HEIGHT - 8), _FONT, _FONT_SCALE, INK, 1, cv2.LINE_AA)
    return tile


def _window(boxes: Float64[np.ndarray, "2 4"]) -> tuple[float, float, float]:
    """Left, top and side, in pixels of the image, of the square that a tile shows: both boxes and some surroundings."""
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    side = max(float((high - low).max()) * (1 + _SURROUNDINGS), _SMALLEST_WINDOW)
    left, top = ((low + high) / 2 - side / 2).tolist()
    return left, top, side


def _part_of_image(
    image: UInt8[np.ndarray, "h w 3"], left: float, top: float, scale: float
) -> UInt8[np.ndarray, "t t 3"]:
    """The window of the image at the size of a tile, with paper outside the image."""
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float64)
    return cv2.warpAffine(
        image,
        matrix,
        (_TILE_SIDE, _TILE_SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=PAPER,
    )
