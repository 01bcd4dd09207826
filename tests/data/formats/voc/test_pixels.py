"""VOC's pixel rule against boxes written out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multibox.data.formats.voc.pixels import PIXEL_RULES, box_to_corners, corners_to_box, require_pixel_rule
from multibox.errors import UsageError

side = st.floats(-1000, 1000, width=16)


def test_the_whole_image_and_one_pixel() -> None:
    """Pixels 1 to 500 and 1 to 375 against the whole image of that size; the first pixel against its square."""
    assert corners_to_box((1, 1, 500, 375), rule="voc") == (0, 0, 500, 375)
    assert corners_to_box((1, 1, 1, 1), rule="voc") == (0, 0, 1, 1)
    assert corners_to_box((1, 1, 500, 375), rule="caffe") == (1, 1, 500, 375)


@given(st.tuples(side, side, side, side))
def test_writing_is_the_inverse_of_reading(box: tuple[float, float, float, float]) -> None:
    """Corners of any box, read by the rule "voc", against the box."""
    assert corners_to_box(box_to_corners(box), rule="voc") == box


def test_rules_by_name() -> None:
    """Both rules are accepted, another name is refused with the list of rules."""
    for rule in PIXEL_RULES:
        require_pixel_rule(rule)
    with pytest.raises(UsageError, match="pixel rule 'matlab' does not exist; choose one of voc, caffe"):
        require_pixel_rule("matlab")
