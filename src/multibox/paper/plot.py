"""A chart of a reproduced table: the paper's headline number and ours for each row (matplotlib, the extra `plot`)."""

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from multibox.drawing.figure import INK, SOFT, new_figure, plain, save_figure
from multibox.paper.outcome import Results
from multibox.paper.tables import Row, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAPER_COLOR, OUR_COLOR, LINE_COLOR, WARNING_COLOR = "#8a8f98", "#1f6fb2", "#d9dce1", "#b3261e"


def plot_table(path: Path, table: Table, results: Results, *, stamp: tuple[str, ...]) -> None:
    """Write the chart; a rehearsal is marked below the title and across the chart. UsageError without matplotlib."""
    rows = [row for row in table.rows if row.recipe]
    warning = fill(f"A rehearsal, not a reproduction: {'; '.join(stamp)}", 104) if stamp else ""
    figure = new_figure(9, 1.6 + 0.42 * len(rows) + 0.16 * len(warning.splitlines()))
    axes = figure.subplots()
    for place, row in enumerate(rows):
        _draw_row(axes, place, row, results)
    _style(axes, rows, table)
    figure.legend(loc="outside lower left", frameon=False, ncols=2)
    figure.suptitle(f"{'Rehearsal of ' if stamp else ''}{table.title}", fontsize=12, color=INK, x=0.02, ha="left")
    if stamp:
        _mark_rehearsal(axes, warning)
    save_figure(figure, path)


def _draw_row(axes: "Axes", place: int, row: Row, results: Results) -> None:
    """Draw two dots connected by a line, with their numbers on the outer sides."""
    key = next(iter(row.numbers))
    printed = row.numbers[key]
    outcome = results.done.get(row.recipe or "")
    axes.plot(printed, place, "o", color=PAPER_COLOR, markersize=8, zorder=3)
    if outcome is None or key not in outcome.numbers:
        _write_number(axes, printed, place, color=PAPER_COLOR, to_right=True)
        return
    ours = outcome.numbers[key]
    axes.plot([printed, ours], [place, place], color=LINE_COLOR, linewidth=3, zorder=2)
    axes.plot(ours, place, "o", color=OUR_COLOR, markersize=8, zorder=4)
    _write_number(axes, ours, place, color=OUR_COLOR, to_right=ours >= printed)
    _write_number(axes, printed, place, color=PAPER_COLOR, to_right=ours < printed)


def _write_number(axes: "Axes", value: float, place: int, *, color: str, to_right: bool) -> None:
    axes.annotate(
        f"{value:.1f}",
        (value, place),
        xytext=(8 if to_right else -8, 0),
        textcoords="offset points",
        ha="left" if to_right else "right",
        va="center",
        color=color,
    )


def _style(axes: "Axes", rows: list[Row], table: Table) -> None:
    plain(axes, grid="x")
    axes.spines["left"].set_visible(False)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.tick_params(axis="y", length=0, labelsize=10, colors=INK)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    headlines = " or ".join(dict.fromkeys(next(iter(row.numbers)) for row in rows))
    axes.set_xlabel(f"{headlines}, {table.unit}" if table.unit else headlines, color=SOFT)
    axes.plot([], [], "o", color=PAPER_COLOR, label="paper")
    axes.plot([], [], "o", color=OUR_COLOR, label="ours")


def _mark_rehearsal(axes: "Axes", warning: str) -> None:
    axes.set_title(warning, fontsize=8, color=WARNING_COLOR, loc="left")
    mark = axes.text(0.5, 0.5, "REHEARSAL", transform=axes.transAxes, ha="center", va="center")
    mark.set(fontsize=44, color=WARNING_COLOR, alpha=0.08, zorder=0)
