"""Drawings of an explanation: one for each detection, source map and object, all over the image."""

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.detection.explain.explanation import (
    Box,
    ExplainedDetection,
    ExplainedObject,
    Explanation,
    ScoreMap,
)
from multibox.drawing.boxes import draw_captioned_boxes
from multibox.drawing.colors import Color, class_color

_LONGEST = 900  # pixels of the longer side of a drawing
_LARGEST_SCALE = 3.0
_PRIOR, _CELL, _OTHER, _SHADOW = (255, 255, 255), (255, 214, 64), (168, 174, 184), (20, 20, 24)
_MOST_OTHERS = 12  # boxes beyond these only hide the image
_DASH = 9  # pixels

Image = UInt8[np.ndarray, "_ _ 3"]


class _Canvas:
    """A copy of the image, enlarged to a fixed size and darker, so that lines stand out."""

    def __init__(self, image: Image, *, brightness: float = 0.72) -> None:
        height, width = image.shape[:2]
        self.scale = min(_LARGEST_SCALE, _LONGEST / max(height, width))
        size = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
        method = cv2.INTER_CUBIC if self.scale > 1 else cv2.INTER_AREA
        self.pixels = np.ascontiguousarray(
            (cv2.resize(image, size, interpolation=method) * brightness).astype(np.uint8)
        )

    def corners(self, box: Box) -> tuple[int, int, int, int]:
        x1, y1, x2, y2 = (round(side * self.scale) for side in box)
        return x1, y1, x2, y2

    def frame(self, box: Box, color: Color, *, thickness: int = 2) -> None:
        x1, y1, x2, y2 = self.corners(box)
        lines = ((_SHADOW, thickness + 2), (color, thickness)) if thickness > 1 else ((color, thickness),)
        for ink, wide in lines:
            cv2.rectangle(self.pixels, (x1, y1), (x2, y2), ink, wide, cv2.LINE_AA)

    def dashed(self, box: Box, color: Color) -> None:
        x1, y1, x2, y2 = self.corners(box)
        for start, end in (((x1, y1), (x2, y1)), ((x2, y1), (x2, y2)), ((x2, y2), (x1, y2)), ((x1, y2), (x1, y1))):
            self._dashes(np.array(start, float), np.array(end, float), color)

    def _dashes(self, start: np.ndarray, end: np.ndarray, color: Color) -> None:
        count = max(1, int(np.hypot(*(end - start)) / (2 * _DASH)))
        for number in range(count):
            a = start + (end - start) * number / count
            b = start + (end - start) * (number + 0.55) / count
            for ink, wide in ((_SHADOW, 4), (color, 2)):
                cv2.line(self.pixels, _point(a), _point(b), ink, wide, cv2.LINE_AA)

    def fill(self, box: Box, color: Color, *, share: float) -> None:
        x1, y1, x2, y2 = self.corners(box)
        inside = self.pixels[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
        inside[:] = (inside * (1 - share) + np.array(color) * share).astype(np.uint8)

    def arrow(self, start: Box, end: Box, color: Color) -> None:
        a, b = self._center(start), self._center(end)
        if np.hypot(*(b - a)) < 6:
            return
        for ink, wide in ((_SHADOW, 4), (color, 2)):
            cv2.arrowedLine(self.pixels, _point(a), _point(b), ink, wide, cv2.LINE_AA, tipLength=0.2)

    def _center(self, box: Box) -> np.ndarray:
        x1, y1, x2, y2 = self.corners(box)
        return np.array([(x1 + x2) / 2, (y1 + y2) / 2])


def draw_overview(image: Image, explanation: Explanation) -> Image:
    """All explained detections with their numbers, which are those of the other drawings."""
    canvas = _Canvas(image, brightness=1)
    found = explanation.detections
    boxes = np.array([one.box for one in found], dtype=np.float32).reshape(-1, 4) * np.float32(canvas.scale)
    labels = np.array([one.label for one in found], dtype=np.int64)
    captions = [(one.name, f"{number} {one.name} {one.score:.2f}") for number, one in enumerate(found, 1)]
    return draw_captioned_boxes(canvas.pixels, boxes, labels=labels, captions=captions)


def draw_detection(image: Image, found: ExplainedDetection) -> Image:
    """A detection in its color, its prior dashed in white, the prior's cell in yellow, suppressed boxes in gray.

    The arrow goes from the center of the prior to the center of the box: the first two offsets.
    """
    canvas, color = _Canvas(image), class_color(found.label)
    canvas.fill(found.place.cell, _CELL, share=0.45)
    for other in reversed(found.suppressed[:_MOST_OTHERS]):
        canvas.frame(other.box, _OTHER, thickness=1)
    canvas.dashed(found.place.box, _PRIOR)
    canvas.frame(found.box, color, thickness=3)
    canvas.arrow(found.place.box, found.box, color)
    return canvas.pixels


def draw_object(image: Image, thing: ExplainedObject) -> Image:
    """An object in its color, the priors that training matches to it dashed in white, its best box in gray."""
    canvas = _Canvas(image)
    for match in reversed(thing.matches[:_MOST_OTHERS]):
        canvas.dashed(match.place.box, _PRIOR)
    if thing.best:
        canvas.frame(thing.best.box, _OTHER, thickness=2)
    canvas.frame(thing.box, class_color(thing.label), thickness=3)
    return canvas.pixels


def draw_score_map(image: Image, scores: ScoreMap) -> Image:
    """The cells of one source map in the color of their best class, more opaque for higher scores."""
    canvas = _Canvas(image, brightness=0.55)
    height, width = canvas.pixels.shape[:2]
    palette = np.array([class_color(label) for label in range(int(scores.labels.max()) + 1)], dtype=np.float32)
    # A square root shows low scores, too: 0.04 becomes a fifth of the opacity of 1.
    share = 0.85 * np.sqrt(scores.scores.astype(np.float32))[..., None]
    colors = palette[scores.labels]
    cells = np.concatenate([colors, share], axis=2)
    large = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
    mixed = canvas.pixels * (1 - large[..., 3:]) + large[..., :3] * large[..., 3:]
    return _with_grid(mixed.astype(np.uint8), scores)


def _with_grid(pixels: Image, scores: ScoreMap) -> Image:
    """Thin lines between cells of at least 12 pixels, and the score where it is high and there is space for it."""
    height, width = pixels.shape[:2]
    rows, columns = scores.scores.shape
    tall, wide = height / rows, width / columns
    if min(tall, wide) >= 12:
        for row in range(1, rows):
            pixels[round(row * tall)] = pixels[round(row * tall)] * 0.6
        for column in range(1, columns):
            pixels[:, round(column * wide)] = pixels[:, round(column * wide)] * 0.6
    if min(tall, wide) >= 34:
        for row, column in np.argwhere(scores.scores >= 0.1).tolist():
            place = (round((column + 0.5) * wide) - 15, round((row + 0.5) * tall) + 5)
            text = f"{scores.scores[row, column]:.2f}"
            for ink, stroke in ((_SHADOW, 3), (_PRIOR, 1)):
                cv2.putText(pixels, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, ink, stroke, cv2.LINE_AA)
    return pixels


def _point(place: np.ndarray) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))
