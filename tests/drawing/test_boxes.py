import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.detections import Detections
from multibox.drawing.boxes import draw_boxes
from multibox.drawing.colors import class_color, text_color
from multibox.size import Size

NAMES = ("cat", "dog", "a class with a name as long as a whole sentence would be", "Žluťoučký kůň", "猫")


def detections(boxes, scores, labels, size=Size(100, 200)):
    return Detections(np.float32(boxes).reshape(-1, 4), np.float32(scores), np.int64(labels), NAMES, size)


def canvas(width=200, height=100):
    return np.full((height, width, 3), 127, np.uint8)


def test_the_frame_covers_exactly_the_border_pixels_of_the_box():
    """The frame and the untouched inside of a box against positions worked out by hand; the source is not changed."""
    image = canvas()
    drawn = detections([[40.2, 30.7, 120.5, 80.0]], [0.9], [1]).draw(image)
    assert (image == 127).all()
    color = class_color(1)
    for x, y in [(40, 30), (120, 30), (40, 79), (120, 79), (80, 79), (120, 50)]:
        assert tuple(drawn[y, x]) == color
    assert (drawn[31:79, 41:120] == 127).all()
    assert (drawn[80:] == 127).all()
    assert (drawn[:, 121:] == 127).all()


def test_the_tag_is_above_the_box_and_has_text():
    """A region above the box is filled with the class color and has text in it."""
    drawn = detections([[40, 50, 180, 90]], [0.9], [0]).draw(canvas())
    tag = drawn[38:50, 40:80].reshape(-1, 3)
    assert (tag == class_color(0)).all(axis=1).mean() > 0.4
    assert np.abs(tag - np.float32(text_color(class_color(0)))).max(axis=1).min() < 60


@pytest.mark.parametrize("side", [100, 300, 500, 900, 2500])
def test_letters_stay_inside_their_tag(side):
    """Nothing has changed outside the frame and the tag's rectangle."""
    low = side // 2
    rows = detections([[1, low, 3, low + 2]], [1], [1], Size(side, side))
    drawn = rows.draw(canvas(side, side))
    assert (drawn[low + 2 :] == 127).all()
    changed = (drawn[:low] != 127).any(axis=2)
    tag = changed.any(axis=1)[:, None] & changed.any(axis=0)
    np.testing.assert_array_equal(changed, tag)


def test_min_score_leaves_out_what_is_below_it():
    """Drawing with a minimum against drawing only the kept detections."""
    both = detections([[10, 40, 60, 80], [100, 40, 160, 80]], [0.9, 0.3], [0, 1])
    only = detections([[10, 40, 60, 80]], [0.9], [0])
    np.testing.assert_array_equal(both.above(0.5).draw(canvas()), only.draw(canvas()))
    none = both.above(0.95).draw(canvas())
    np.testing.assert_array_equal(none, canvas())


def test_the_best_score_is_on_top():
    """Two classes on the same box: the frame has the color of the better one, and the tags do not overlap."""
    drawn = detections([[40, 40, 180, 90]] * 2, [0.9, 0.4], [0, 1]).draw(canvas())
    assert tuple(drawn[89, 100]) == class_color(0)
    for label in (0, 1):
        assert (drawn == class_color(label)).all(axis=2).sum() > 200


def test_a_class_has_one_color_in_detections_and_in_ground_truth():
    """Detections and ground truth of the same box against each other, below the tag."""
    box = np.float32([[40, 40, 180, 90]])
    truth = draw_boxes(canvas(), box, np.int64([1]), NAMES)
    found = detections(box, [0.5], [1]).draw(canvas())
    np.testing.assert_array_equal(truth[42:], found[42:])


def test_small_ground_truth_boxes_stay_visible_on_large_ones():
    """A small box that shares a side with a large one keeps its color, in either order."""
    boxes, labels = np.float32([[20, 30, 190, 95], [80, 60, 120, 95]]), np.int64([0, 1])
    for order in ([0, 1], [1, 0]):
        drawn = draw_boxes(canvas(), boxes[order], labels[order], NAMES)
        assert tuple(drawn[94, 100]) == class_color(1)


@pytest.mark.parametrize(("width", "height"), [(120, 90), (500, 375), (3000, 2000), (30, 400), (9, 5), (1, 1)])
def test_any_image_size_and_name(width, height):
    """Long, accented and Chinese names at the borders of images of any size: the same shape, something drawn."""
    box = [[-5, -5, width + 9, height + 9], [width - 2, height - 2, width, height], [0, 0, 1, 1]]
    rows = detections(box, [0.9, 0.8, 0.7], [2, 3, 4], Size(height, width))
    drawn = rows.draw(canvas(width, height))
    assert drawn.shape == (height, width, 3)
    assert (drawn != 127).any()


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_tags_and_frames_stay_inside_for_all_boxes(data):
    """Random boxes, also outside the image: no error, and the source is never written to."""
    count = data.draw(st.integers(0, 12))
    side = st.floats(-50, 250, width=32)
    boxes = np.float32(data.draw(st.lists(st.tuples(side, side, side, side), min_size=count, max_size=count)))
    image = canvas()
    image.flags.writeable = False
    assert detections(boxes, np.linspace(1, 0, count), [0] * count).draw(image).shape == image.shape


def contrast(a, b):
    """WCAG 2.1, written from its text."""

    def luminance(color):
        linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in color)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_tag_is_readable():
    """The contrast of text and color of the first hundred classes against the 4.5 that WCAG asks of text."""
    assert min(contrast(class_color(label), text_color(class_color(label))) for label in range(100)) >= 4.5


def test_the_colors_of_twenty_classes_are_apart():
    """Distances of 20 class colors in CIELAB (by OpenCV): none below 12, and none below 60 for neighbors."""
    rgb = np.float32([[class_color(label) for label in range(20)]]) / 255
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 1000 * np.eye(20)
    assert distances.min() > 12
    assert np.linalg.norm(lab[1:] - lab[:-1], axis=1).min() > 60
