"""Paths, lines and zones against pixels at places worked out by hand."""

import numpy as np

from multibox.drawing.paths import Shape, draw_paths, draw_shapes


def canvas() -> np.ndarray:
    return np.full((200, 300, 3), 100, np.uint8)


def test_a_path_is_drawn_along_its_points():
    """A path of two segments against its color in the middle of each, and nothing elsewhere."""
    image = canvas()
    draw_paths(image, [(np.array([[20.0, 20], [120, 20], [120, 150]]), (255, 0, 0))])
    assert tuple(image[20, 70]) == tuple(image[80, 119]) == (255, 0, 0)
    assert tuple(image[100, 50]) == (100, 100, 100)


def test_a_zone_has_a_light_ground_and_a_border():
    """A square zone against its ground, its border and the outside."""
    image = canvas()
    draw_shapes(image, [Shape(np.array([[100.0, 50], [250, 50], [250, 180], [100, 180]]), ("hall",))])
    inside, border, outside = image[150, 200].astype(int), image[120, 250].astype(int), image[20, 20]
    assert inside[0] > 110
    assert border[0] > inside[0] + 50
    assert tuple(outside) == (100, 100, 100)


def test_shapes_outside_and_texts_of_any_kind_are_drawn():
    """Points far outside, points in one place, and names with letters that are not ASCII, without an error."""
    image = canvas()
    shapes = [
        Shape(np.array([[-1e8, 5], [1e8, 5]]), ("門\n", "right: 0")),
        Shape(np.array([[10.0, 10], [10, 10]]), ()),
        Shape(np.array([[299.0, 199], [310, 199], [305, 260]]), ("a" * 90, "b", "c")),
    ]
    draw_shapes(image, shapes)
    assert (image != 100).any()
    draw_paths(image, [(np.zeros((1, 2)), (1, 2, 3)), (np.zeros((0, 2)), (1, 2, 3))])
