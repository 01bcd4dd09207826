"""Line charts as SVG: lines, labels and ticks are where their values are."""

import math
import re
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multibox.drawing.chart import Series, line_chart, thinned, ticks, unit_chart


def points(path):
    return np.float64(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path))


def test_a_line_is_drawn_where_its_values_are():
    """Points in the SVG of a straight line with a gap: two straight pieces; the last point has the dot."""
    x = np.arange(21.0)
    y = np.where(x == 10, np.nan, 2 * x)
    chart = ElementTree.fromstring(line_chart([Series("a & b", x, y)], x_label="step", y_label="loss", decimals=1))
    drawn = next(node for node in chart.iter("path"))
    corners = points(drawn.get("d"))
    assert len(corners) == 20
    assert drawn.get("d").count("M") == 2
    slope = (corners[1:, 1] - corners[0, 1]) / (corners[1:, 0] - corners[0, 0])
    np.testing.assert_allclose(slope, slope[0], rtol=0.02)
    dot = next(node for node in chart.iter("circle"))
    np.testing.assert_allclose(corners[-1], [float(dot.get("cx")), float(dot.get("cy"))])
    assert "a & b" in "".join(chart.itertext())
    assert "40.0" in "".join(chart.itertext())


def test_labels_of_lines_that_end_together_stay_apart():
    """Eight lines on the same value: the labels do not overlap and are above the axis."""
    lines = [Series(f"line {n}", np.arange(3.0), np.full(3, 0.01)) for n in range(8)] + [
        Series("high", np.arange(3.0), np.ones(3))
    ]
    chart = ElementTree.fromstring(line_chart(lines, x_label="x", y_label="y", decimals=2))
    heights = sorted(float(node.get("y")) for node in chart.iter("text") if node.get("class") == "end")
    assert np.diff(heights).min() > 16
    assert heights[-1] < 320 - 40


def test_a_unit_chart_spans_zero_to_one():
    """Corners of the unit square against the positions of the tick lines; an empty curve is an empty chart."""
    line = Series("c", np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    chart = ElementTree.fromstring(unit_chart(line, x_label="recall", y_label="precision"))
    (x0, y0), (x1, y1) = points(next(chart.iter("path")).get("d"))
    grid = list(chart.iter("line"))
    assert {float(node.get("y1")) for node in grid} == {y0, (y0 + y1) / 2, y1}
    assert {(float(node.get("x1")), float(node.get("x2"))) for node in grid} == {(x0, x1)}
    empty = unit_chart(Series("c", np.zeros(0), np.zeros(0)), x_label="recall", y_label="precision")
    assert next(ElementTree.fromstring(empty).iter("path")).get("d") == ""


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 12))
def test_ticks_are_round_numbers_inside_the_limits(low, extent, count):
    """Ticks of random limits: inside, evenly apart by 1, 2 or 5 times a power of ten, about as many as requested."""
    values = ticks((low, low + extent), count=count)
    assert len(values) <= count + 1
    slack = 1e-6 * extent
    assert all(low - slack <= value <= low + extent + slack for value in values)
    if len(values) > 1:
        steps = np.diff(values)
        np.testing.assert_allclose(steps, steps[0], rtol=1e-5, atol=1e-9)
        digits = steps[0] / 10 ** math.floor(math.log10(steps[0]) + 1e-6)
        assert min(abs(digits - round_number) for round_number in (1, 2, 5, 10)) < 1e-3


@given(st.integers(1, 3000))
def test_thinning_keeps_the_last_point_and_the_course(size):
    """A thinned parabola against the parabola: few points, the same end, close everywhere."""
    x = np.arange(size, dtype=np.float64)
    line = thinned(Series("s", x, x**2))
    assert len(line.x) <= 300
    assert (line.x[-1], line.y[-1]) == (x[-1], x[-1] ** 2)
    np.testing.assert_allclose(line.y, line.x**2, atol=(size / 300 + 1) ** 2)
