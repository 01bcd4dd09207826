"""Figure 3 of the SSD paper from the numbers of `trend`, and a chart of the cost of each kind of error."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from multibox.drawing.figure import (
    INK,
    SOFT,
    doubling_axis,
    new_figure,
    plain,
)
from multibox.evaluation.analysis.costs import REPAIRS, ErrorCosts
from multibox.evaluation.analysis.trend import COUNTS, MULTIPLES, SHARES, Trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_RECALL_COLOR = "#c8102e"
_DETECTOR_COLORS = ("#3b7dd8", "#d9662b")
_KIND_COLORS = {
    "correct": "#e9edf2",
    "localization": "#3b7dd8",
    "duplicate": "#8fb7ec",
    "similar": "#e58a2f",
    "other": "#3da27a",
    "background": "#8768b0",
    "missed": "#7d8794",
}
_COLUMNS = 4
_COUNT_TICKS = tuple(25 * 2**n for n in range(8))


def plot_trends(trends: Mapping[str, Mapping[str, Trend]]) -> "Figure":
    """Draw Figure 3: two rows of charts for each detector, a column for each group of classes, at most four in a row.

    Upper row: shares of the kinds as the number of detections grows, with recall at IoU 0.5 (solid) and 0.1 (dashed).
    Lower row: shares of the kinds of false positives.
    """
    blocks = [(name, block) for name, groups in trends.items() for block in _blocks(list(groups.items()))]
    columns = max(len(block) for _, block in blocks)
    figure = new_figure(0.9 + 2.5 * columns, 0.6 + 4.4 * len(blocks))
    grid = figure.subplots(2 * len(blocks), columns, squeeze=False)
    for row, (name, block) in enumerate(blocks):
        for column, (upper, lower) in enumerate(grid[2 * row : 2 * row + 2].T):
            if column >= len(block):
                upper.set_axis_off()
                lower.set_axis_off()
                continue
            title, numbers = block[column]
            _plot_shares(upper, numbers, title=title)
            _plot_wrong(lower, numbers)
        prefix = f"{name}\n" if len(trends) > 1 else ""
        grid[2 * row][0].set_ylabel(f"{prefix}% of detections", color=INK, fontsize=9)
        grid[2 * row + 1][0].set_ylabel(f"{prefix}% of false positives", color=INK, fontsize=9)
    handles, names = grid[0][0].get_legend_handles_labels()
    legend_columns = {1: 2, 2: 4}.get(columns, 7)
    figure.legend(handles, names, loc="outside upper center", ncols=legend_columns, frameon=False, fontsize=9)
    return figure


def plot_costs(costs: Mapping[str, ErrorCosts]) -> "Figure":
    """Draw a bar for each repair and detector: the gain in percentage points of AP."""
    figure = new_figure(8.2, 1.1 + 0.34 * len(REPAIRS) * (1 + 0.5 * len(costs)))
    axes = figure.subplots()
    height = 0.8 / len(costs)
    for number, (name, cost) in enumerate(costs.items()):
        places = np.arange(len(REPAIRS)) + (number - (len(costs) - 1) / 2) * height
        gains = [100 * cost.gain[repair] for repair in REPAIRS]
        colors = [_KIND_COLORS[repair] for repair in REPAIRS] if len(costs) == 1 else _DETECTOR_COLORS[number]
        bars = axes.barh(places, gains, height=0.9 * height, color=colors, label=f"{name}, AP {100 * cost.ap:.1f}")
        axes.bar_label(bars, fmt="%.1f", padding=4, fontsize=9, color=INK)
    plain(axes, grid="x")
    axes.set_yticks(range(len(REPAIRS)), REPAIRS)
    axes.tick_params(axis="y", labelsize=10, colors=INK, length=0)
    axes.invert_yaxis()
    axes.margins(x=0.09)
    metric = next(iter(costs.values())).metric
    axes.set_xlabel(f"points of AP ({metric}) gained without this error", color=INK, fontsize=9)
    if len(costs) > 1:
        figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return figure


def _blocks(groups: list[tuple[str, Trend]]) -> list[list[tuple[str, Trend]]]:
    return [groups[start : start + _COLUMNS] for start in range(0, len(groups), _COLUMNS)]


def _plot_shares(axes: "Axes", trend: Trend, *, title: str) -> None:
    colors = [_KIND_COLORS[name] for name in SHARES]
    axes.stackplot(MULTIPLES, 100 * trend.shares.T, labels=SHARES, colors=colors, linewidth=0)
    axes.plot(MULTIPLES, 100 * trend.recall, color=_RECALL_COLOR, linewidth=2.2, label="recall, IoU 0.5")
    axes.plot(
        MULTIPLES, 100 * trend.loose_recall, color=_RECALL_COLOR, linewidth=2.2, linestyle="--", label="recall, IoU 0.1"
    )
    plain(axes)
    doubling_axis(axes, MULTIPLES[::4], labels=("⅛", "¼", "½", "1", "2", "4", "8"))
    axes.set_ylim(0, 100)
    axes.set_title(title, color=INK, fontsize=11)
    mean = trend.mean_objects
    axes.set_xlabel(f"detections (× {mean:.{0 if mean >= 100 else 1}f} objects)", color=INK, fontsize=9)
    _mark_end(axes, MULTIPLES, ~np.isnan(trend.recall))


def _plot_wrong(axes: "Axes", trend: Trend) -> None:
    colors = [_KIND_COLORS[name] for name in SHARES[1:]]
    axes.stackplot(COUNTS, 100 * trend.wrong.T, colors=colors, linewidth=0)
    plain(axes)
    doubling_axis(axes, _COUNT_TICKS, labels=("25", "50", "100", "200", "400", "800", "1.6k", "3.2k"))
    axes.set_ylim(0, 100)
    axes.set_xlabel("false positives", color=INK, fontsize=9)
    _mark_end(axes, COUNTS, ~np.isnan(trend.wrong[:, 0]))


def _mark_end(axes: "Axes", values: Sequence[float], known: np.ndarray) -> None:
    """Write into the empty area of a chart beyond the last detection."""
    if known.all():
        return
    first = values[int(known.sum()) - 1] if known.any() else values[0]
    text = "no more" if known.any() else f"fewer than {values[0]:g}"
    rotation = 0 if first * 4 <= values[-1] else 90
    middle = (first * values[-1]) ** 0.5
    axes.text(middle, 50, text, color=SOFT, fontsize=8, ha="center", va="center", rotation=rotation)
