"""Tiles of an image: cover, overlap, number, and texts that are no layout."""

from itertools import pairwise

import pytest

from multibox.detection.tiles.layout import Layout, parse_layout
from multibox.errors import UsageError
from multibox.size import Size


@pytest.mark.parametrize("grid", [Size(1, 1), Size(1, 3), Size(2, 2), Size(5, 3)])
@pytest.mark.parametrize("overlap", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("image", [Size(100, 101), Size(1080, 1920), Size(7, 1000)])
def test_tiles_cover_the_image(grid: Size, overlap: float, image: Size):
    """Every pixel against the number of tiles that contain it; neighbors against the overlap."""
    tiles = Layout(grid, overlap).tiles(image, input_size=Size(300, 300))
    assert len(tiles) == grid.height * grid.width
    columns = sorted({(x1, x2) for x1, _, x2, _ in tiles})
    rows = sorted({(y1, y2) for _, y1, _, y2 in tiles})
    for spans, length in ((columns, image.width), (rows, image.height)):
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(low < high for low, high in spans)
        for (_, end), (begin, _) in pairwise(spans):
            size = spans[0][1] - spans[0][0]
            assert end - begin == pytest.approx(overlap * size, abs=2)


def test_automatic_tiles_are_at_most_twice_the_input():
    """Sizes of automatic tiles against the rule, and one tile for an image that needs no more."""
    for image in (Size(300, 600), Size(601, 599), Size(1080, 1920), Size(2160, 3840)):
        tiles = parse_layout("auto").tiles(image, input_size=Size(300, 300))
        assert max(x2 - x1 for x1, _, x2, _ in tiles) <= 601
        assert max(y2 - y1 for _, y1, _, y2 in tiles) <= 601
        fewer = max(len(tiles) - 1, 0)
        assert (image == Size(300, 600)) == (fewer == 0)
    assert len(parse_layout("auto").tiles(Size(1080, 1920), input_size=Size(300, 300))) == 2 * 4
    assert len(parse_layout("auto").tiles(Size(10**6, 10**6), input_size=Size(300, 300))) == 16 * 16


def test_an_image_smaller_than_the_grid_has_tiles_of_a_pixel():
    """A tiny image against tiles that are not empty."""
    for image in (Size(1, 1), Size(2, 3)):
        tiles = Layout(Size(4, 4), 0.2).tiles(image, input_size=Size(300, 300))
        assert all(0 <= x1 < x2 <= image.width and 0 <= y1 < y2 <= image.height for x1, y1, x2, y2 in tiles)


@pytest.mark.parametrize("text", ["", "2", "2x", "0x2", "17x1", "2x2x2", "-1x2", "Auto", "2 x 2"])
def test_other_texts_are_refused(text: str):
    """Texts that are no layout against UsageError with the text."""
    with pytest.raises(UsageError, match="give ROWSxCOLUMNS up to 16x16"):
        parse_layout(text)


@pytest.mark.parametrize("overlap", [-0.1, 0.95, float("nan")])
def test_other_overlaps_are_refused(overlap: float):
    """Overlaps that leave nothing or a gap against UsageError."""
    with pytest.raises(UsageError, match=r"must be from 0 to 0\.9"):
        parse_layout("2x2", overlap=overlap)
