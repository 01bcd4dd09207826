"""Priors: sizes, counts, order, and equation 4."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multibox.boxes import to_corners
from multibox.priors import (
    SPECS,
    BoxSize,
    PriorMap,
    PriorSpec,
    Step,
    cell_sizes,
    equation4_scales,
    equation4_spec,
    listed_map,
    make_prior_corners,
    make_priors,
    official_sizes,
    sized_spec,
)
from multibox.size import Size
from oracles import slow

# Whole-pixel sizes of facts C.1: what the official layer made of the 512 sizes.
EFFECTIVE = {
    "ssd512-voc": (
        (35, 76, 153, 230, 307, 384, 460),
        (51.58, 107.83, 187.59, 265.73, 343.35, 420.29, 497.01),
    ),
    "ssd512-coco": (
        (20, 51, 133, 215, 296, 378, 460),
        (31.94, 82.36, 169.10, 252.27, 334.50, 416.99, 499.32),
    ),
}


def slow_corners(spec: PriorSpec) -> np.ndarray:
    maps = (slow.prior_boxes(m.cells, m.step, (m.min_size, m.max_size), m.ratios, spec.input_size) for m in spec.maps)
    return np.array([box for boxes in maps for box in boxes])


sizes = st.floats(4, 300, allow_nan=False)
steps = st.floats(4, 100, allow_nan=False)
maps = st.tuples(
    st.builds(Size, st.integers(1, 4), st.integers(1, 4)),
    st.builds(Step, steps, steps),
    sizes,
    st.none() | sizes,
    st.lists(st.sampled_from([1.5, 2.0, 3.0, 5.0]), max_size=3).map(tuple),
)
input_sizes = st.builds(Size, st.integers(32, 600), st.integers(32, 600))


@given(input_sizes, st.lists(maps, min_size=1, max_size=3), st.booleans())
def test_corners_of_any_spec(input_size: Size, maps: list, clip: bool) -> None:
    """Corners equal the slow loop's within 1e-5, in its order, for any cells, steps, sizes and ratios."""
    spec = PriorSpec(input_size, tuple(PriorMap(*fields) for fields in maps), clip=clip)
    ours = make_prior_corners(spec)
    assert ours.dtype == np.float32
    assert len(ours) == spec.count
    expected = slow_corners(spec)
    np.testing.assert_allclose(ours, expected.clip(0, 1) if clip else expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SPECS)
def test_counts(name: str) -> None:
    """The published numbers of priors: 8732 for SSD300, 24564 for SSD512."""
    expected = {"ssd300": 8732, "ssd512": 24564}[name[:6]]
    assert SPECS[name].count == len(make_prior_corners(SPECS[name])) == expected


@pytest.mark.parametrize("name", SPECS)
def test_center_form(name: str) -> None:
    """Center form is the corner form within one float32 rounding (1.2e-7)."""
    np.testing.assert_allclose(
        to_corners(torch.from_numpy(make_priors(SPECS[name]))), make_prior_corners(SPECS[name]), rtol=0, atol=1.2e-7
    )


@pytest.mark.parametrize("name", EFFECTIVE)
def test_truncated_sizes(name: str) -> None:
    """With whole-pixel sizes the two squares of each 512 map are those of the facts' table (to 0.006 pixels)."""
    squares = [cell_sizes(m, truncate=True)[:2] for m in SPECS[name].maps]
    assert all((s[:, 0] == s[:, 1]).all() for s in squares)
    np.testing.assert_allclose(np.transpose([s[:, 0] for s in squares]), EFFECTIVE[name], rtol=0, atol=0.006)


def test_centers_follow_the_step() -> None:
    """The last center of SSD300's 5 x 5 map is at 288 pixels (official), not at 270 (the paper's (i + ½) / |f_k|)."""
    maps = SPECS["ssd300-voc"].maps
    end = sum(m.count for m in maps[:4])
    assert (300 * make_priors(SPECS["ssd300-voc"])[end - 1, :2]).round().tolist() == [288, 288]


def test_centers_of_equation4() -> None:
    """Priors as the paper writes them have their centers at (j + ½) / |f_k| and (i + ½) / |f_k|."""
    spec = equation4_spec(Size(300, 300), [Size(5, 5)], ratios=[()])
    centers = make_priors(spec).reshape(5, 5, 2, 4)[..., 0, :2]
    places = (np.arange(5) + 0.5) / 5
    np.testing.assert_allclose(centers, np.stack(np.meshgrid(places, places, indexing="xy"), axis=-1), rtol=1e-6)


def test_equation4_scales() -> None:
    """s_k = s_min + (s_max - s_min) (k - 1) / (m - 1), one number at a time; a single map takes the smallest."""
    expected = [0.2 + (0.9 - 0.2) / (6 - 1) * (k - 1) for k in range(1, 7)]
    np.testing.assert_allclose(equation4_scales(6), expected)
    assert equation4_scales(1, smallest=0.3) == (0.3,)


def test_equation4_extra_square() -> None:
    """The additional square has scale √(s_k s_{k+1}); areas of all ratios but it are s_k²."""
    spec = equation4_spec(Size(100, 200), [Size(2, 4), Size(1, 2)], ratios=[(2.0, 3.0), (2.0,)])
    first, second = (cell_sizes(m) for m in spec.maps)
    np.testing.assert_allclose(first[1], np.sqrt(20 * 90), rtol=1e-6)
    np.testing.assert_allclose(second[1], np.sqrt(90 * 100), rtol=1e-6)
    np.testing.assert_allclose(np.delete(first, 1, axis=0).prod(axis=1), 400, rtol=1e-6)
    np.testing.assert_allclose(first[2:, 0] / first[2:, 1], [2, 1 / 2, 3, 1 / 3], rtol=1e-6)


def test_official_sizes() -> None:
    """The sizes in pixels of facts C.1."""
    assert official_sizes(300, first=10, lowest=20, highest=90, maps=6) == (30, 60, 111, 162, 213, 264, 315)
    assert official_sizes(300, first=7, lowest=15, highest=90, maps=6) == (21, 45, 99, 153, 207, 261, 315)
    expected = (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72)
    np.testing.assert_allclose(official_sizes(512, first=4, lowest=10, highest=90, maps=7), expected, rtol=1e-12)


def test_limits_of_other_implementations() -> None:
    """Limited sides and centers are those of the free priors after min, one number at a time (within 1e-6)."""
    spec = PriorSpec(Size(100, 200), (PriorMap(Size(3, 2), Step(40.0, 120.0), 90.0, 150.0, (3.0,)),))
    for sizes, centers in ((True, False), (False, True), (True, True)):
        expected = [
            [min(v, 1.0) if (sizes if i > 1 else centers) else v for i, v in enumerate(row)]
            for row in make_priors(spec).tolist()
        ]
        ours = make_priors(replace(spec, clip_sizes=sizes, clip_centers=centers))
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


def test_kept_maps() -> None:
    """Keeping maps keeps exactly their rows of all the priors, in order."""
    spec = SPECS["ssd300-voc"]
    rows = np.split(make_prior_corners(spec), np.cumsum([m.count for m in spec.maps])[:-1])
    assert np.array_equal(make_prior_corners(spec.keep([0, 3])), np.concatenate([rows[0], rows[3]]))


def test_sizes_that_do_not_fit() -> None:
    """One size too few is refused with the counts and the rule."""
    with pytest.raises(ValueError, match="1 sizes and 1 ratio lists for 1 maps: give one more size"):
        sized_spec(Size(10, 10), [Size(1, 1)], sizes=[3], ratios=[()])


def test_every_prior_has_its_position() -> None:
    """The position of each index against four nested loops over maps, rows, columns and boxes, in Caffe's order."""
    maps = (PriorMap(Size(2, 3), Step(1.0, 1.0), 4.0, 8.0, (2.0,)), PriorMap(Size(1, 2), Step(1.0, 1.0), 4.0, 8.0, ()))
    spec = PriorSpec(Size(64, 64), maps)
    expected = [
        (number, row, column, box)
        for number, source in enumerate(spec.maps)
        for row in range(source.cells[0])
        for column in range(source.cells[1])
        for box in range(source.boxes_per_cell)
    ]
    assert [spec.position(prior) for prior in range(spec.count)] == expected
    for prior in (-1, spec.count):
        with pytest.raises(IndexError, match=f"no prior {prior}: the indices are 0 to 27"):
            spec.position(prior)


def test_listed_boxes() -> None:
    """Boxes given one by one, at another offset and in pixels of another image, against the numbers by hand."""
    listed = listed_map(Size(1, 2), Step(100.0, 50.0), [BoxSize(20, 10), BoxSize(40, 80)])
    listed = replace(listed, offset=0.25, image_size=Size(100, 100))
    spec = PriorSpec(Size(300, 600), (listed,))
    assert (listed.boxes_per_cell, spec.count) == (2, 4)
    assert listed.min_size == pytest.approx(200**0.5)
    expected = [
        [0.125 + 0.5 * cell, 0.25, width, height] for cell in (0, 1) for width, height in ((0.1, 0.2), (0.8, 0.4))
    ]
    np.testing.assert_allclose(make_priors(spec), expected, rtol=1e-6, atol=1e-7)
    cut = make_prior_corners(replace(spec, maps=(replace(listed, clip=True),)))
    assert np.array_equal(cut, make_prior_corners(spec).clip(0, 1))
    assert not np.array_equal(cut, make_prior_corners(spec))
