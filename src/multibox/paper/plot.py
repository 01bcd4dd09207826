"""A chart of a reproduced table: the paper's headline number and ours for each row (matplotlib, the extra `plot`)."""

from pathlib import Path
from typing import Any

from multibox.errors import UsageError
from multibox.paper.outcome import Results
from multibox.paper.tables import Row, Table

_PAPER, _OURS, _QUIET, _WARNING = "#8a8f98", "#1f6fb2", "#d9dce1", "#b3261e"


def plot_table(path: Path, table: Table, results: Results, *, stamp: tuple[str, ...]) -> None:
    """Write the chart; a rehearsal is marked below the title and across the chart. UsageError without matplotlib."""
    pyplot = _pyplot()
    rows = [row for row in table.rows if row.recipe]
    figure, axes = pyplot.subplots(figsize=(9, 1.6 + 0.42 * len(rows) + 0.16 * _lines(stamp)), layout="constrained")
    try:
        for place, row in enumerate(rows):
            _draw_row(axes, place, row, results)
        _style(axes, rows, table)
        figure.legend(loc="outside lower left", frameon=False, ncols=2)
        figure.suptitle(_title(table, stamp), fontsize=12, x=0.02, ha="left")
        if stamp:
            axes.set_title(_wrapped(stamp), fontsize=8, color=_WARNING, loc="left")
            axes.text(
                0.5,
                0.5,
                "REHEARSAL",
                transform=axes.transAxes,
                fontsize=44,
                color=_WARNING,
                alpha=0.08,
                ha="center",
                va="center",
                zorder=0,
            )
        figure.savefig(path, dpi=150)
    finally:
        pyplot.close(figure)


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise UsageError("a plot needs matplotlib: install it with pip install 'multibox[plot]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _draw_row(axes: Any, place: int, row: Row, results: Results) -> None:
    """Draw two dots connected by a line, with their numbers on the outer sides."""
    key = next(iter(row.numbers))
    printed = row.numbers[key]
    outcome = results.done.get(row.recipe or "")
    axes.plot(printed, place, "o", color=_PAPER, markersize=8, zorder=3)
    if outcome is None or key not in outcome.numbers:
        axes.annotate(
            f"{printed:.1f}", (printed, place), xytext=(8, 0), textcoords="offset points", va="center", color=_PAPER
        )
        return
    ours = outcome.numbers[key]
    axes.plot([printed, ours], [place, place], color=_QUIET, linewidth=3, zorder=2)
    axes.plot(ours, place, "o", color=_OURS, markersize=8, zorder=4)
    side = 1 if ours >= printed else -1
    for value, color, direction in ((ours, _OURS, side), (printed, _PAPER, -side)):
        axes.annotate(
            f"{value:.1f}",
            (value, place),
            xytext=(8 * direction, 0),
            textcoords="offset points",
            ha="left" if direction > 0 else "right",
            va="center",
            color=color,
        )


def _style(axes: Any, rows: list[Row], table: Table) -> None:
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    headlines = " or ".join(dict.fromkeys(next(iter(row.numbers)) for row in rows))
    axes.set_xlabel(f"{headlines}, {table.unit}" if table.unit else headlines)
    axes.grid(axis="x", color=_QUIET, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.plot([], [], "o", color=_PAPER, label="paper")
    axes.plot([], [], "o", color=_OURS, label="ours")


def _title(table: Table, stamp: tuple[str, ...]) -> str:
    return f"{'Rehearsal of ' if stamp else ''}{table.title}"


def _wrapped(stamp: tuple[str, ...]) -> str:
    from textwrap import fill

    return fill(f"A rehearsal, not a reproduction: {'; '.join(stamp)}", 104)


def _lines(stamp: tuple[str, ...]) -> int:
    return _wrapped(stamp).count("\n") + 1 if stamp else 0
