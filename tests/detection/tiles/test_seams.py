"""Merging of tiles: cut objects become whole, doubled ones single, whatever the tile they were found in."""

import numpy as np
import pytest

from multibox.detection.tiles.layout import Layout
from multibox.detection.tiles.seams import merge_tiles
from multibox.detections import Detections
from multibox.nms import DetectionSettings
from multibox.size import Size

IMAGE = Size(400, 600)
NAMES = ("disc", "star")


def seen(objects: list[tuple], tile: tuple[int, int, int, int], *, least: float = 0.3) -> Detections:
    """What a perfect detector finds in a tile: objects (x1, y1, x2, y2, label, score), cut at its border.

    A part of less than `least` of the object is not found.
    """
    x1, y1, x2, y2 = tile
    rows = []
    for left, top, right, bottom, label, score in objects:
        box = np.array([max(left, x1), max(top, y1), min(right, x2), min(bottom, y2)], dtype=np.float32)
        sides = box[2:] - box[:2]
        if (sides > 0).all() and sides.prod() >= least * (right - left) * (bottom - top):
            rows.append((box - np.array([x1, y1, x1, y1], dtype=np.float32), label, score))
    rows.sort(key=lambda row: -row[2])
    boxes = np.array([row[0] for row in rows], dtype=np.float32).reshape(-1, 4)
    labels = np.array([row[1] for row in rows], dtype=np.int64)
    scores = np.array([row[2] for row in rows], dtype=np.float32)
    return Detections(boxes, scores, labels, NAMES, Size(y2 - y1, x2 - x1), np.arange(len(rows)))


def merged(objects: list[tuple], *, grid: Size, overlap: float, whole: bool = False) -> Detections:
    tiles = Layout(grid, overlap).tiles(IMAGE, input_size=Size(300, 300))
    if whole:
        tiles.append((0, 0, IMAGE.width, IMAGE.height))
    found = [seen(objects, tile) for tile in tiles]
    return merge_tiles(found, tiles, image_size=IMAGE, settings=DetectionSettings())


def check(found: Detections, objects: list[tuple]) -> None:
    """Detections against the objects, in any order."""
    ours = sorted((*np.round(box).tolist(), int(label)) for box, label in zip(found.boxes, found.labels, strict=True))
    assert ours == sorted((*map(float, one[:4]), one[4]) for one in objects)


def parts_are_seen(one: tuple, layout: Layout) -> bool:
    """Whether the parts that are large enough to be found make up the whole object."""
    tiles = layout.tiles(IMAGE, input_size=Size(300, 300))
    corners = np.array([np.array([*tile[:2]] * 2) + box for tile in tiles for box in seen([one], tile).boxes])
    return len(corners) > 0 and (*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0)) == one[:4]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("overlap", [0.0, 0.2])
@pytest.mark.parametrize("grid", [Size(1, 2), Size(2, 1), Size(2, 2)])
def test_objects_anywhere_are_found_once(grid: Size, overlap: float, whole: bool):
    """Objects of a perfect detector at many places, cut in the middle, against one whole box each."""
    for left in range(5, 520, 35):
        for top in (20, 150, 290):
            objects = [(left, top, left + 60, top + 80, 0, 0.9)]
            if whole or parts_are_seen(objects[0], Layout(grid, overlap)):
                check(merged(objects, grid=grid, overlap=overlap, whole=whole), objects)


def test_an_object_at_the_cross_of_four_tiles_is_one():
    """Four parts around the middle of the image against their hull."""
    objects = [(260, 160, 340, 240, 1, 0.8)]
    tiles = Layout(Size(2, 2), 0.0).tiles(IMAGE, input_size=Size(300, 300))
    found = [seen(objects, tile, least=0.2) for tile in tiles]
    assert [len(one) for one in found] == [1, 1, 1, 1]
    whole = merge_tiles(found, tiles, image_size=IMAGE, settings=DetectionSettings())
    check(whole, objects)
    assert whole.priors.tolist() == [-1]


def test_different_objects_at_a_seam_stay_apart():
    """Objects of two classes, of other heights and of other scores on the two sides of a seam, each as it is."""
    objects = [
        (240, 20, 300, 60, 0, 0.9),
        (300, 20, 360, 60, 1, 0.9),  # another class
        (240, 120, 300, 160, 0, 0.9),
        (300, 145, 360, 230, 0, 0.9),  # another span along the seam
        (240, 300, 300, 340, 0, 0.9),
        (300, 300, 360, 340, 0, 0.3),  # a much lower score
    ]
    check(merged(objects, grid=Size(1, 2), overlap=0.0), objects)


def test_an_object_inside_the_overlap_is_one():
    """An object that two tiles see whole against one box with the better score and its prior."""
    tiles = Layout(Size(1, 2), 0.4).tiles(IMAGE, input_size=Size(300, 300))
    object_ = (280, 100, 320, 160, 0, 0.9)
    found = [seen([object_], tiles[0]), seen([(*object_[:5], 0.7)], tiles[1])]
    one = merge_tiles(found, tiles, image_size=IMAGE, settings=DetectionSettings())
    check(one, [object_])
    assert one.scores.tolist() == pytest.approx([0.9])
    assert one.priors.tolist() == [0]


def test_nothing_stays_nothing():
    """Tiles without detections against no detections, of the image's size."""
    found = merged([], grid=Size(2, 2), overlap=0.2, whole=True)
    assert (len(found), found.image_size) == (0, IMAGE)
