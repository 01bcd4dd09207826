"""Line charts as SVG text.

Colors are CSS classes (series-0, series-1, ...) that the style sheet of the page defines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from jaxtyping import Float64

Range = tuple[float, float]

_LABEL_DISTANCE = 17.0  # minimum distance in pixels between the labels of two lines
_MAX_POINTS = 300


@dataclass(frozen=True, eq=False)
class Series:
    """A named line: x ascends, and the line has a gap at each y that is nan."""

    name: str
    x: Float64[np.ndarray, " n"]
    y: Float64[np.ndarray, " n"]


@dataclass(frozen=True)
class Plane:
    """The plotting area in pixels (left, top, right, bottom) and the ranges of both axes."""

    area: tuple[float, float, float, float]
    x_range: Range
    y_range: Range

    def x(self, value: float) -> float:
        left, _, right, _ = self.area
        return left + (value - self.x_range[0]) / _extent(self.x_range) * (right - left)

    def y(self, value: float) -> float:
        _, top, _, bottom = self.area
        return bottom - (value - self.y_range[0]) / _extent(self.y_range) * (bottom - top)


def line_chart(series: Sequence[Series], *, x_label: str, y_label: str, decimals: int, width: int = 860) -> str:
    """A wide chart of several lines, each with its name and last value at its right end."""
    height = 320
    series = [thinned(line) for line in series]
    plane = Plane((58, 34, width - 138, height - 48), _x_range(series), (0.0, _top(series)))
    parts = [
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(y_label)}">',
        *_horizontal_lines(plane, ticks(plane.y_range, count=5)),
        *_x_labels(plane, ticks(plane.x_range, count=8)),
        _text(plane.area[0] - 44, 18, y_label, "axis"),
        _text((plane.area[0] + plane.area[2]) / 2, height - 8, x_label, "axis", anchor="middle"),
        _clipped("".join(_path(line, plane, f"series-{index}") for index, line in enumerate(series)), plane),
        *_end_labels(series, plane, decimals),
        "</svg>",
    ]
    return "".join(parts)


def unit_chart(line: Series, *, x_label: str, y_label: str) -> str:
    """A small chart with both axes from 0 to 1. The area below the line is tinted."""
    width, height = 228, 196
    plane = Plane((46, 12, width - 12, height - 38), (0.0, 1.0), (0.0, 1.0))
    line = thinned(line)
    corners = [(line.x[0], 0.0), *zip(line.x, line.y, strict=True), (line.x[-1], 0.0)] if len(line.x) else []
    tint = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in corners)
    parts = [
        f'<svg class="chart small" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(line.name)}">',
        *_horizontal_lines(plane, [0.0, 0.5, 1.0]),
        *_x_labels(plane, [0.0, 0.5, 1.0]),
        _text(width / 2 + 17, height - 4, x_label, "axis", anchor="middle"),
        f'<text class="axis" text-anchor="middle" transform="translate(11 {height / 2 - 13:g}) rotate(-90)">'
        f"{escape(y_label)}</text>",
        f'<polygon class="tint" points="{tint}"/>',
        _path(line, plane, "series-0"),
        "</svg>",
    ]
    return "".join(parts)


def ticks(limits: Range, *, count: int) -> list[float]:
    """About `count` round numbers inside the limits, 1, 2 or 5 times a power of ten apart."""
    low, high = limits
    rough = _extent(limits) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def thinned(line: Series) -> Series:
    """The line with at most 300 points: means over stretches of equal count, and the last point itself."""
    size = len(line.x)
    if size <= _MAX_POINTS:
        return line
    edges = np.linspace(0, size - 1, _MAX_POINTS).astype(int)
    counts = np.diff(edges)
    x, y = (np.append(np.add.reduceat(v[: size - 1], edges[:-1]) / counts, v[-1]) for v in (line.x, line.y))
    return Series(line.name, x, y)


def _x_range(series: Sequence[Series]) -> Range:
    values = np.concatenate([line.x for line in series])
    return (0.0, float(values.max())) if len(values) and values.max() > 0 else (0.0, 1.0)


def _top(series: Sequence[Series]) -> float:
    """A little above the largest value after the first twentieth of each line, which is often far above the rest."""
    parts = [line.y[len(line.y) // 20 :] for line in series]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    return 1.06 * float(values.max()) if len(values) and values.max() > 0 else 1.0


def _path(line: Series, plane: Plane, kind: str) -> str:
    commands, pen = [], "M"
    for x, y in zip(line.x, line.y, strict=True):
        if not math.isfinite(y):
            pen = "M"
            continue
        commands.append(f"{pen}{plane.x(x):.1f} {plane.y(y):.1f}")
        pen = "L"
    return f'<path class="line {kind}" d="{"".join(commands)}"><title>{escape(line.name)}</title></path>'


def _clipped(content: str, plane: Plane) -> str:
    """The content in an inner SVG that cuts it off at the borders of the plotting area."""
    left, top, right, bottom = plane.area
    place = f"{left:.1f} {top:.1f} {right - left:.1f} {bottom - top:.1f}"
    x, y, width, height = place.split()
    return f'<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{place}">{content}</svg>'


def _end_labels(series: Sequence[Series], plane: Plane, decimals: int) -> list[str]:
    """A dot, the name and the last value at the right end of each line. Labels that are too close move apart."""
    ends = [(index, line.y[np.isfinite(line.y)]) for index, line in enumerate(series)]
    ends = sorted(((i, float(y[-1])) for i, y in ends if len(y)), key=lambda end: -end[1])
    heights = _moved_apart([min(max(plane.y(y), plane.area[1]), plane.area[3]) for _, y in ends], bottom=plane.area[3])
    right, parts = plane.area[2], []
    for (index, value), height in zip(ends, heights, strict=True):
        parts.append(f'<circle class="dot series-{index}" cx="{right:.1f}" cy="{plane.y(value):.1f}" r="3.5"/>')
        parts.append(
            f'<text class="end" x="{right + 12:.1f}" y="{height + 4:.1f}">'
            f'<tspan class="key series-{index}">\N{BLACK CIRCLE}</tspan> {escape(series[index].name)} '
            f'<tspan class="value">{value:.{decimals}f}</tspan></text>'
        )
    return parts


def _moved_apart(heights: list[float], *, bottom: float) -> list[float]:
    """The ascending heights moved apart to the minimum distance of two labels, none below the bottom."""
    for index in range(1, len(heights)):
        heights[index] = max(heights[index], heights[index - 1] + _LABEL_DISTANCE)
    for index in range(len(heights) - 1, -1, -1):
        limit = bottom if index == len(heights) - 1 else heights[index + 1] - _LABEL_DISTANCE
        heights[index] = min(heights[index], limit)
    return heights


def _horizontal_lines(plane: Plane, values: Sequence[float]) -> list[str]:
    left, _, right, _ = plane.area
    parts = []
    for value in values:
        y = plane.y(value)
        kind = "base" if value == plane.y_range[0] else "grid"
        parts.append(f'<line class="{kind}" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y + 4, f"{value:,g}", "tick", anchor="end"))
    return parts


def _x_labels(plane: Plane, values: Sequence[float]) -> list[str]:
    bottom = plane.area[3]
    return [_text(plane.x(value), bottom + 18, _number(value), "tick", anchor="middle") for value in values]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _extent(limits: Range) -> float:
    return limits[1] - limits[0] or 1.0
