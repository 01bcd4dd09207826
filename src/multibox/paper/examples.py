"""A contact sheet of images with a detector's best detections, like Figure 5 of the paper."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.drawing.colors import INK, PAPER
from multibox.drawing.grid import GAP, centered, in_rows
from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.size import Size

Detect = Callable[[UInt8[np.ndarray, "h w 3"]], Detections]

COUNT, COLUMNS = 30, 6
TILE = Size(240, 320)
CAPTION_HEIGHT = 40


def example_sheet(detector: Detect, dataset: Dataset, *, min_score: float, caption: str) -> UInt8[np.ndarray, "H W 3"]:
    """Return an RGB sheet of up to 30 images, each with its detections of at least `min_score`, below a caption.

    Images are tried in a random order that is always the same, until enough have such detections. DataError if no image
    has any.
    """
    tiles = []
    best = 0.0
    for image, found in _detected(detector, dataset):
        best = max(best, float(found.scores.max(initial=0)))
        if len(shown := found.above(min_score)):
            tiles.append(_tile(image, shown))
        if len(tiles) == COUNT:
            break
    if not tiles:
        raise DataError(
            f"no detection in the {len(dataset)} images of {dataset.name} reaches a score of {min_score}, the best has "
            f"{best:.2f}: give --weights of a trained detector"
        )
    sheet = in_rows(tiles, columns=COLUMNS)
    return np.concatenate([_line(caption, sheet.shape[1]), sheet])


def _detected(detector: Detect, dataset: Dataset) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], Detections]]:
    """Yield readable images with their detections, in a fixed random order."""
    order = np.random.default_rng(0).permutation(len(dataset)).tolist()
    for number in order:
        try:
            image = read_image(dataset[number].image)
        except DataError:
            continue
        yield image, detector(image)


def _line(text: str, width: int) -> UInt8[np.ndarray, "h w 3"]:
    """One line of text on paper, in smaller letters if it is long."""
    line = np.full((CAPTION_HEIGHT, width, 3), PAPER, np.uint8)
    length = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.7, 1)[0][0]
    scale = 0.7 * min(1.0, (width - 2 * GAP) / max(length, 1))
    return cv2.putText(line, text, (GAP, CAPTION_HEIGHT - 12), cv2.FONT_HERSHEY_SIMPLEX, scale, INK, 1, cv2.LINE_AA)


def _tile(image: UInt8[np.ndarray, "h w 3"], found: Detections) -> UInt8[np.ndarray, "H W 3"]:
    """The image with its boxes, scaled to fit into a tile and centered there."""
    height, width = image.shape[:2]
    scale = min(TILE.height / height, TILE.width / width)
    small = cv2.resize(
        image, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    return centered(replace(found, boxes=found.boxes * np.float32(scale)).draw(small), TILE)
