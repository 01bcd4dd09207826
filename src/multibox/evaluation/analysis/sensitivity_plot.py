"""Figures 4 and 6 of the SSD paper from the numbers of `sensitivity`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from multibox.drawing.figure import INK, SOFT, new_figure, plain
from multibox.evaluation.analysis.sensitivity import AREAS, ASPECTS, NormalizedAp, Sensitivity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_CLASSES = ("aeroplane", "bicycle", "bird", "boat", "cat", "chair", "diningtable")

CLASSES_IN_A_ROW = len(PAPER_CLASSES)
_CLASS_STEP = 6.6  # from class to class, in bars
_BLUES = ("#c3d9f4", "#93bbeb", "#5f9be0", "#3577c8", "#1f5595")
_NAMES = {"area": AREAS, "aspect": ASPECTS}
_TITLES = {"area": "size of the box (area)", "aspect": "aspect ratio of the box (width / height)"}

OfClasses = Mapping[str, Sensitivity]


def chosen_classes(of_classes: OfClasses) -> list[str]:
    """Return the paper's seven classes if all are there, else up to seven with the most objects, in their order."""
    if set(PAPER_CLASSES) <= set(of_classes):
        return list(PAPER_CLASSES)
    by_count = sorted(of_classes, key=lambda name: -of_classes[name].overall.num_objects)
    return [name for name in of_classes if name in by_count[:CLASSES_IN_A_ROW]]


def plot_sensitivity(
    detectors: Mapping[str, OfClasses],
    *,
    classes: Sequence[str],
    properties: Sequence[str] = ("area", "aspect"),
    side_by_side: bool = False,
) -> "Figure":
    """Draw bars of normalized AP with standard errors; a dashed line marks the AP of all objects of the class.

    Each of `properties`, "area" and "aspect", gets as many rows as the classes need. Detectors are shown below each
    other as in Figure 6, or side by side as in Figure 4.
    """
    rows = [classes[start : start + CLASSES_IN_A_ROW] for start in range(0, len(classes), CLASSES_IN_A_ROW)]
    cells = [(kind, row, name) for kind in properties for row in rows for name in detectors]
    columns = len(detectors) if side_by_side else 1
    figure = new_figure(10.4 * columns, 2.35 * len(cells) / columns)
    grid = figure.subplots(len(cells) // columns, columns, squeeze=False)
    for axes, (kind, row, name) in zip(grid.flat, cells, strict=True):
        _plot_row(axes, [(title, detectors[name][title]) for title in row], kind=kind, width=len(rows[0]))
        prefix = f"{name}: " if len(detectors) > 1 else ""
        if prefix or row is rows[0]:
            axes.set_title(prefix + _TITLES[kind], color=INK, fontsize=10, loc="left", pad=20)
    return figure


def _plot_row(axes: "Axes", of_classes: Sequence[tuple[str, Sensitivity]], *, kind: str, width: int) -> None:
    for number, (name, value) in enumerate(of_classes):
        left = _CLASS_STEP * number
        _plot_bins(axes, value.area if kind == "area" else value.aspect, left=left)
        axes.plot([left - 0.6, left + 4.6], [value.overall.ap] * 2, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
        axes.text(left + 2, 1.06, name, color=INK, fontsize=9.5, ha="center", va="bottom", clip_on=False)
    plain(axes)
    axes.set_xlim(-1, _CLASS_STEP * width - 1)
    axes.set_ylim(0, 1.04)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    places = [_CLASS_STEP * number + bar for number in range(len(of_classes)) for bar in range(5)]
    axes.set_xticks(places, [*_NAMES[kind]] * len(of_classes), fontsize=7.5)
    axes.tick_params(axis="x", length=0, pad=2)
    axes.set_ylabel("normalized AP", color=INK, fontsize=8.5)


def _plot_bins(axes: "Axes", bins: Sequence[NormalizedAp], *, left: float) -> None:
    from matplotlib.patheffects import withStroke

    for number, value in enumerate(bins):
        if value.num_objects == 0:
            continue
        x, error = left + number, value.error if value.num_objects > 1 else 0.0
        axes.bar(x, value.ap, width=0.86, color=_BLUES[number])
        low, high = min(error, value.ap), min(error, max(1 - value.ap, 0.0))  # bars stay within 0 and 1
        axes.errorbar(x, value.ap, yerr=[[low], [high]], color=SOFT, linewidth=1, capsize=1.6)
        text = "1" if value.ap > 0.995 else f"{value.ap:.2f}".lstrip("0")
        inside = number > 2 and value.ap > 0.12
        written = axes.text(x, 0.02, text, color="white" if inside else INK, fontsize=7, ha="center", va="bottom")
        if value.ap <= 0.12:  # the dashed line may cross it
            written.set_path_effects([withStroke(linewidth=2, foreground="white")])
            written.set_zorder(5)
