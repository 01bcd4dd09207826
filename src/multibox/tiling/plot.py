"""Widths and heights of the objects at the network's input, covered and missed, among the shapes of the priors."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from multibox.drawing.figure import GRID, INK, SOFT, new_figure, plain, save_figure
from multibox.priors import PriorSpec, cell_sizes
from multibox.tiling.coverage import Coverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COVERED, _MISSED = "#8fb7ec", "#c8102e"
_MOST_POINTS = 20_000
_TICKS = (4, 8, 16, 32, 64, 128, 256, 512)


def plot_coverage(path: Path, coverage: Coverage, spec: PriorSpec, *, title: str) -> None:
    """Write a PNG: a point for each object, a ring for each shape of prior; both axes logarithmic.

    An object can be missed although its shape is that of a prior: where the cells' centers lie too far from its own.
    Raises UsageError without matplotlib.
    """
    figure = new_figure(7.2, 6.4)
    axes = figure.add_subplot()
    plain(axes)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    reach = coverage.reach
    shapes, covered = reach.shapes.clip(min=1), reach.best >= 0.5
    for mask, color, name, size in (
        (covered, _COVERED, "covered", 9),
        (~covered, _MISSED, "missed", 13),
    ):
        places = np.flatnonzero(mask)
        shown = places[:: max(1, len(places) // _MOST_POINTS)]
        label = f"{name}: {len(places):,} objects"
        axes.scatter(shapes[shown, 0], shapes[shown, 1], s=size, color=color, alpha=0.75, linewidths=0, label=label)
    sizes = np.concatenate([cell_sizes(source, truncate=spec.truncate) for source in spec.maps])
    axes.scatter(
        sizes[:, 0], sizes[:, 1], s=46, facecolors="none", edgecolors=INK, linewidths=1.1, label="shapes of the priors"
    )
    _axes_in_pixels(axes, float(min(shapes.min(initial=8), sizes.min())), float(max(spec.input_size) * 1.4))
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.legend(fontsize=8, frameon=True, framealpha=0.9, edgecolor="none", loc="lower right", labelcolor=INK)
    save_figure(figure, path)


def _axes_in_pixels(axes: "Axes", low: float, high: float) -> None:
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    for axis, name in ((axes.xaxis, "width"), (axes.yaxis, "height")):
        axis.set_label_text(f"{name} in pixels of the input", fontsize=9, color=SOFT)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(low * 0.85, high)
    axes.set_ylim(low * 0.85, high)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_aspect("equal")
