"""Detections of overlapping tiles become those of the image: cut boxes are joined, doubled ones suppressed."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64

from multibox.detections import Detections
from multibox.nms import DetectionSettings, select
from multibox.size import Size

Tile = tuple[int, int, int, int]

_TOUCH = 0.02  # of a tile's side: the distance from a seam at which a box counts as cut
_SAME_SPAN = 0.6  # IoU along the seam of two parts of one object
_INSIDE = 0.7  # part of a cut box that a whole box covers
_PLAUSIBLE = 0.5  # of the better score: the least score of a second part, and of a whole box that replaces a part


def merge_tiles(
    found: list[Detections], tiles: list[Tile], *, image_size: Size, settings: DetectionSettings
) -> Detections:
    """The detections of an image from those of its tiles, whose boxes are in pixels of the tile.

    Two boxes of a class that touch a seam from its two sides, and agree along it, are parts of one object: their hull
    takes the better score. A cut box is dropped if a whole box of its class covers it. Then the model's suppression
    runs over all boxes. A joined box has the prior -1.
    """
    corners = [np.array([x1, y1, x1, y1], dtype=np.float32) for x1, y1, _, _ in tiles]
    boxes = np.concatenate([one.boxes + corner for one, corner in zip(found, corners, strict=True)])
    scores, labels, priors = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("scores", "labels", "priors")
    )
    tile_of = np.repeat(np.arange(len(found)), [len(one) for one in found])
    sides = _cut_sides(boxes, np.array(tiles, dtype=np.float32)[tile_of], image_size)
    boxes, scores, sides, joined = _join(boxes, scores, labels, tile_of, sides)
    priors = np.where(joined, -1, priors)
    cut = np.asarray(sides.any(axis=1))
    kept = ~_covered(boxes, scores, labels, cut)
    rows = np.flatnonzero(kept)
    chosen = _suppress(boxes[rows], scores[rows], labels[rows], len(found[0].class_names), settings)
    rows = rows[chosen]
    return Detections(boxes[rows], scores[rows], labels[rows], found[0].class_names, image_size, priors[rows])


def _cut_sides(
    boxes: Float32[np.ndarray, "n 4"], tiles: Float32[np.ndarray, "n 4"], image_size: Size
) -> Bool[np.ndarray, "n 4"]:
    """Whether a tile's border inside the image cuts the left, top, right and bottom side of each box."""
    border = np.array([0, 0, image_size.width, image_size.height], dtype=np.float32)
    size = np.tile(tiles[:, 2:] - tiles[:, :2], (1, 2))
    return (np.abs(boxes - tiles) <= np.maximum(_TOUCH * size, 1)) & (tiles != border)


def _join(
    boxes: Float32[np.ndarray, "n 4"],
    scores: Float32[np.ndarray, " n"],
    labels: Int64[np.ndarray, " n"],
    tile_of: Int64[np.ndarray, " n"],
    sides: Bool[np.ndarray, "n 4"],
) -> tuple[Float32[np.ndarray, "n 4"], Float32[np.ndarray, " n"], Bool[np.ndarray, "n 4"], Bool[np.ndarray, " n"]]:
    """Replace parts of an object by their hull, which is the same for all parts, and the best of their scores.

    Returns boxes, scores, the sides of each that are still cut, and whether a box is joined.
    """
    group = np.arange(len(boxes))
    for first, second in _pairs(boxes, scores, labels, tile_of, sides):
        a, b = group[first], group[second]
        group[group == max(a, b)] = min(a, b)
    size = np.bincount(group, minlength=len(boxes))
    joined = size[group] > 1
    boxes, scores, sides = boxes.copy(), scores.copy(), sides.copy()
    for number in np.flatnonzero(size > 1):
        parts = group == number
        hull = np.concatenate([boxes[parts, :2].min(axis=0), boxes[parts, 2:].max(axis=0)])
        sides[parts] = (sides[parts] & (boxes[parts] == hull)).any(axis=0)
        boxes[parts], scores[parts] = hull, scores[parts].max()
    return boxes, scores, sides, joined


def _pairs(
    boxes: Float32[np.ndarray, "n 4"],
    scores: Float32[np.ndarray, " n"],
    labels: Int64[np.ndarray, " n"],
    tile_of: Int64[np.ndarray, " n"],
    sides: Bool[np.ndarray, "n 4"],
) -> list[tuple[int, int]]:
    """Boxes of one class that a seam cuts on its two sides: left and right of it, or above and below it."""
    found: list[tuple[int, int]] = []
    for axis in (0, 1):
        before, after = np.flatnonzero(sides[:, 2 + axis]), np.flatnonzero(sides[:, axis])
        a, b = boxes[before][:, None], boxes[after][None]
        meet = (a[..., 2 + axis] >= b[..., axis]) & (a[..., axis:4:2] <= b[..., axis:4:2]).all(axis=2)
        other = 1 - axis
        shared = np.minimum(a[..., 2 + other], b[..., 2 + other]) - np.maximum(a[..., other], b[..., other])
        whole = np.maximum(a[..., 2 + other], b[..., 2 + other]) - np.minimum(a[..., other], b[..., other])
        same = (labels[before][:, None] == labels[after]) & (tile_of[before][:, None] != tile_of[after])
        low, high = (order(scores[before][:, None], scores[after]) for order in (np.minimum, np.maximum))
        agree = same & (shared >= _SAME_SPAN * whole) & (low >= _PLAUSIBLE * high)
        rows, columns = np.nonzero(meet & agree)
        found += zip(before[rows].tolist(), after[columns].tolist(), strict=True)
    return found


def _covered(
    boxes: Float32[np.ndarray, "n 4"],
    scores: Float32[np.ndarray, " n"],
    labels: Int64[np.ndarray, " n"],
    cut: Bool[np.ndarray, " n"],
) -> Bool[np.ndarray, " n"]:
    """Whether a box is cut, and a box of its class that is not covers most of it with a score that is not far below."""
    parts, wholes = np.flatnonzero(cut), np.flatnonzero(~cut)
    a, b = boxes[parts][:, None], boxes[wholes][None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(min=0).prod(axis=2)
    inside = shared >= _INSIDE * (a[..., 2:] - a[..., :2]).prod(axis=2)
    plausible = scores[wholes] >= _PLAUSIBLE * scores[parts][:, None]
    covered = np.zeros(len(boxes), dtype=bool)
    covered[parts] = (inside & plausible & (labels[parts][:, None] == labels[wholes])).any(axis=1)
    return covered


def _suppress(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float32[np.ndarray, " n"],
    labels: Int64[np.ndarray, " n"],
    classes: int,
    settings: DetectionSettings,
) -> Int64[np.ndarray, " m"]:
    """The rows that the model's own suppression keeps, best first."""
    by_class = torch.zeros(len(boxes), classes)
    by_class[torch.arange(len(boxes)), torch.from_numpy(labels)] = torch.from_numpy(scores)
    return select(torch.from_numpy(boxes), by_class, settings=settings).priors.numpy()
