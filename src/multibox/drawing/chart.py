"""Line charts as SVG text. Colors are classes (series-0, series-1, ...) that the page's style sheet defines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from jaxtyping import Float64

Range = tuple[float, float]

_LINE = 17.0  # least distance of two labels at the ends of lines, in pixels
_MOST_POINTS = 300


@dataclass(frozen=True, eq=False)
class Series:
    """A named line; x ascends, y may hold nan, where the line has a gap."""

    name: str
    x: Float64[np.ndarray, " n"]
    y: Float64[np.ndarray, " n"]


@dataclass(frozen=True)
class Frame:
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
    """A wide chart of several lines over one axis, each named with its last value at its right end."""
    height = 320
    series = [thinned(line) for line in series]
    frame = Frame((58, 34, width - 138, height - 48), _x_range(series), (0.0, _top(series)))
    parts = [
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(y_label)}">',
        *_horizontal(frame, ticks(frame.y_range, count=5)),
        *_vertical(frame, ticks(frame.x_range, count=8)),
        _text(frame.area[0] - 44, 18, y_label, "axis"),
        _text((frame.area[0] + frame.area[2]) / 2, height - 8, x_label, "axis", anchor="middle"),
        _clipped("".join(_path(line, frame, f"series-{index}") for index, line in enumerate(series)), frame),
        *_end_labels(series, frame, decimals),
        "</svg>",
    ]
    return "".join(parts)


def unit_chart(line: Series, *, x_label: str, y_label: str) -> str:
    """A small chart with both axes from 0 to 1 and the area below the line tinted."""
    width, height = 228, 196
    frame = Frame((46, 12, width - 12, height - 38), (0.0, 1.0), (0.0, 1.0))
    line = thinned(line)
    corners = [(line.x[0], 0.0), *zip(line.x, line.y, strict=True), (line.x[-1], 0.0)] if len(line.x) else []
    tint = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in corners)
    parts = [
        f'<svg class="chart small" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(line.name)}">',
        *_horizontal(frame, [0.0, 0.5, 1.0]),
        *_vertical(frame, [0.0, 0.5, 1.0]),
        _text(width / 2 + 17, height - 4, x_label, "axis", anchor="middle"),
        f'<text class="axis" text-anchor="middle" transform="translate(11 {height / 2 - 13:g}) rotate(-90)">'
        f"{escape(y_label)}</text>",
        f'<polygon class="tint" points="{tint}"/>',
        _path(line, frame, "series-0"),
        "</svg>",
    ]
    return "".join(parts)


def ticks(limits: Range, *, count: int) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) inside the limits."""
    low, high = limits
    rough = _extent(limits) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def thinned(line: Series) -> Series:
    """The line with at most some hundred points: means over stretches of equal count, the last point kept."""
    size = len(line.x)
    if size <= _MOST_POINTS:
        return line
    edges = np.linspace(0, size - 1, _MOST_POINTS).astype(int)
    counts = np.diff(edges)
    x, y = (np.append(np.add.reduceat(v[: size - 1], edges[:-1]) / counts, v[-1]) for v in (line.x, line.y))
    return Series(line.name, x, y)


def _x_range(series: Sequence[Series]) -> Range:
    values = np.concatenate([line.x for line in series])
    return (0.0, float(values.max())) if len(values) and values.max() > 0 else (0.0, 1.0)


def _top(series: Sequence[Series]) -> float:
    """A little above all values but those of the first twentieth, which are often many times as high as the rest."""
    parts = [line.y[len(line.y) // 20 :] for line in series]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    return 1.06 * float(values.max()) if len(values) and values.max() > 0 else 1.0


def _path(line: Series, frame: Frame, kind: str) -> str:
    commands, pen = [], "M"
    for x, y in zip(line.x, line.y, strict=True):
        if not math.isfinite(y):
            pen = "M"
            continue
        commands.append(f"{pen}{frame.x(x):.1f} {frame.y(y):.1f}")
        pen = "L"
    return f'<path class="line {kind}" d="{"".join(commands)}"><title>{escape(line.name)}</title></path>'


def _clipped(content: str, frame: Frame) -> str:
    """The content as far as it lies in the plotting area: an inner drawing cuts off what reaches beyond."""
    left, top, right, bottom = frame.area
    place = f"{left:.1f} {top:.1f} {right - left:.1f} {bottom - top:.1f}"
    x, y, width, height = place.split()
    return f'<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{place}">{content}</svg>'


def _end_labels(series: Sequence[Series], frame: Frame, decimals: int) -> list[str]:
    """A dot, the name and the last value at the right end of each line; labels moved apart where ends are close."""
    ends = [(index, line.y[np.isfinite(line.y)]) for index, line in enumerate(series)]
    ends = sorted(((i, float(y[-1])) for i, y in ends if len(y)), key=lambda end: -end[1])
    heights = _apart([min(max(frame.y(y), frame.area[1]), frame.area[3]) for _, y in ends], bottom=frame.area[3])
    right, parts = frame.area[2], []
    for (index, value), height in zip(ends, heights, strict=True):
        parts.append(f'<circle class="dot series-{index}" cx="{right:.1f}" cy="{frame.y(value):.1f}" r="3.5"/>')
        parts.append(
            f'<text class="end" x="{right + 12:.1f}" y="{height + 4:.1f}">'
            f'<tspan class="key series-{index}">\N{BLACK CIRCLE}</tspan> {escape(series[index].name)} '
            f'<tspan class="value">{value:.{decimals}f}</tspan></text>'
        )
    return parts


def _apart(heights: list[float], *, bottom: float) -> list[float]:
    """Ascending heights with at least one line between neighbors, none below the bottom."""
    for index in range(1, len(heights)):
        heights[index] = max(heights[index], heights[index - 1] + _LINE)
    for index in range(len(heights) - 1, -1, -1):
        limit = bottom if index == len(heights) - 1 else heights[index + 1] - _LINE
        heights[index] = min(heights[index], limit)
    return heights


def _horizontal(frame: Frame, values: Sequence[float]) -> list[str]:
    left, _, right, _ = frame.area
    parts = []
    for value in values:
        y = frame.y(value)
        kind = "base" if value == frame.y_range[0] else "grid"
        parts.append(f'<line class="{kind}" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y + 4, f"{value:,g}", "tick", anchor="end"))
    return parts


def _vertical(frame: Frame, values: Sequence[float]) -> list[str]:
    bottom = frame.area[3]
    return [_text(frame.x(value), bottom + 18, _plain(value), "tick", anchor="middle") for value in values]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _extent(limits: Range) -> float:
    return limits[1] - limits[0] or 1.0
