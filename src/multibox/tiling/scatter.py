"""A scatter plot of widths and heights: covered and missed objects, and the shapes of the priors."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from multibox.drawing.figure import GRID, INK, SOFT, new_figure, plain, save_figure
from multibox.priors import PriorSpec, cell_sizes
from multibox.tiling.coverage import Coverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COVERED_COLOR, _MISSED_COLOR = "#8fb7ec", "#c8102e"
_MAX_POINTS = 20_000
_PIXEL_TICKS = (4, 8, 16, 32, 64, 128, 256, 512)


def plot_coverage(path: Path, coverage: Coverage, spec: PriorSpec, *, title: str) -> None:
    """Write a PNG with a point for each object and a ring for each shape of prior, on logarithmic axes.

    An object with the shape of a prior can still be missed, if the center of the nearest cell is too far away.
    Raises UsageError if matplotlib is not installed.
    """
    figure = new_figure(6.6, 6.4)
    axes = figure.add_subplot()
    plain(axes)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    covered = coverage.per_object.best_iou >= 0.5
    _add_objects(axes, coverage, covered, name="covered", color=_COVERED_COLOR, area=9)
    _add_objects(axes, coverage, ~covered, name="missed", color=_MISSED_COLOR, area=13)
    shapes = np.concatenate([cell_sizes(source, truncate=spec.truncate) for source in spec.maps])
    widths, heights = shapes.T
    axes.scatter(widths, heights, s=46, facecolors="none", edgecolors=INK, linewidths=1.1, label="shapes of the priors")
    smallest = min(coverage.per_object.shapes.clip(min=1).min(initial=8), shapes.min())
    _use_pixel_axes(axes, float(smallest), float(max(spec.input_size) * 1.4))
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.legend(fontsize=8, frameon=True, framealpha=0.9, edgecolor="none", loc="lower right", labelcolor=INK)
    save_figure(figure, path)


def _add_objects(
    axes: "Axes", coverage: Coverage, mask: Bool[np.ndarray, " n"], *, name: str, color: str, area: int
) -> None:
    places = np.flatnonzero(mask)
    shown = places[:: max(1, len(places) // _MAX_POINTS)]
    widths, heights = coverage.per_object.shapes[shown].clip(min=1).T
    label = f"{name}: {len(places):,} objects"
    axes.scatter(widths, heights, s=area, color=color, alpha=0.75, linewidths=0, label=label)


def _use_pixel_axes(axes: "Axes", low: float, high: float) -> None:
    ticks = [tick for tick in _PIXEL_TICKS if low <= tick <= high]
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
