import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multibox.data.augmentation import flip as flips
from multibox.data.augmentation import view as views
from multibox.size import Size

SIZES = st.builds(Size, st.integers(1, 2000), st.integers(1, 2000))
SHARES = st.floats(0, 1, exclude_max=True)


def boxes_of(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


@given(SIZES, st.floats(1, 4), st.tuples(SHARES, SHARES))
def test_zoom_out_keeps_the_whole_image(size: Size, ratio: float, shift: tuple[float, float]) -> None:
    """A zoomed-out view, against its definition: ratio times the size, in whole pixels, with the image inside."""
    left, top, width, height = views.zoom_out(size, ratio=ratio, shift=shift).pixels
    assert (width, height) == (int(size.width * ratio), int(size.height * ratio))
    assert left <= 0
    assert top <= 0
    assert left + width >= size.width
    assert top + height >= size.height


def test_center_on_the_border_of_the_view_counts_as_inside() -> None:
    """Boxes centered on, just inside and just outside the border, against the inclusive center rule."""
    boxes = np.array([[-0.5, 0.2, 0.5, 0.4], [-0.51, 0.2, 0.5, 0.4], [0.9, 0.9, 1.1, 1.1], [0.3, 0.3, 0.3, 0.6]])
    assert views.emitted(boxes).tolist() == [True, False, True, False]


def test_crop_truncates_pixels_and_keeps_exact_corners() -> None:
    """A crop of a 64 x 48 image, against numbers worked out by hand."""
    view = views.crop(views.whole(Size(48, 64)), np.float32([0.25, 0.1, 0.9, 1.5]))
    assert view.pixels == (16, 4, 41, 43)
    np.testing.assert_allclose(view.corners, (16, 4.8, 57.6, 48), rtol=1e-6)


def test_mirror_and_turn_move_a_corner_correctly() -> None:
    """Four quarter turns and two mirrors are the identity; either moves a box from the top right to the top left."""
    boxes = boxes_of([0.75, 0, 1, 0.125])
    assert flips.mirrored(boxes).tolist() == [[0, 0, 0.25, 0.125]]
    assert flips.turned(boxes).tolist() == [[0, 0, 0.125, 0.25]]
    again = boxes
    for _ in range(4):
        again = flips.turned(again)
    assert (again == boxes).all()
    assert (flips.mirrored(flips.mirrored(boxes)) == boxes).all()
