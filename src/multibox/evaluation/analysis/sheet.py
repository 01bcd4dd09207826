"""Contact sheets: images of the most confident errors of a kind, and of the largest missed objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32, UInt8

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.drawing.figure import INK, SOFT, new_figure
from multibox.errors import DataError
from multibox.evaluation.analysis.kinds import Diagnosis, Kind, missed_objects
from multibox.images.decode import read_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MISSED = "missed"

_DETECTED, _OBJECT = "#ff5a36", "#27e0b3"
_COLUMNS, _ROWS = 4, 3
_ASPECT = 4 / 3  # width to height of an image on the sheet
_MIN_WIDTH = 120.0  # pixels of the original image that are shown at least
_MAX_PER_IMAGE = 2
_TITLES = {
    "localization": "Localization: the right class, but the box overlaps its object by an IoU of 0.1 to 0.5",
    "duplicate": "Duplicate: a detection with a higher score matches the object",
    "similar": "Similar: an object of a similar class",
    "other": "Other: an object of another class",
    "background": "Background: no object there",
    MISSED: "Missed: the largest objects without a correct detection",
}


@dataclass(frozen=True, eq=False)
class Finding:
    """One error to show: image, detected box and object's box if there are any, and two lines of text."""

    image: int
    detected: Float32[np.ndarray, "4"] | None
    target: Float32[np.ndarray, "4"] | None
    title: str
    note: str


def findings(
    dataset: Dataset, *, detections: Sequence[Detections], diagnosis: Diagnosis, kind: str
) -> Iterator[Finding]:
    """Yield the errors of a kind, at most two of each image.

    `kind` is the title of one of WRONG, with the highest scores first, or MISSED, with the largest objects first.
    """
    every = (
        _missed(dataset, diagnosis) if kind == MISSED else _wrong(dataset, detections, diagnosis, Kind[kind.upper()])
    )
    shown = [0] * len(dataset)
    for finding in every:
        shown[finding.image] += 1
        if shown[finding.image] <= _MAX_PER_IMAGE:
            yield finding


def contact_sheet(dataset: Dataset, *, errors: Iterator[Finding], kind: str) -> "Figure | None":
    """Draw the first twelve errors with a readable image, each cropped around its boxes; None if there are none."""
    pairs = list(islice(_readable(dataset, errors), _COLUMNS * _ROWS))
    if not pairs:
        return None
    rows = -(-len(pairs) // _COLUMNS)
    figure = new_figure(3.1 * _COLUMNS, 0.75 + 2.9 * rows)
    figure.suptitle(_TITLES[kind], fontsize=13, color=INK)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (finding, image) in zip(grid.flat, pairs, strict=False):
        _show(axes, finding, image, name=dataset[finding.image].id)
    _legend(figure, pairs[0][0])
    return figure


def _wrong(dataset: Dataset, detections: Sequence[Detections], diagnosis: Diagnosis, kind: Kind) -> Iterator[Finding]:
    chosen = np.flatnonzero(diagnosis.kind == kind)
    for n in chosen[np.argsort(-diagnosis.scores[chosen], kind="stable")]:
        image, target = int(diagnosis.image[n]), int(diagnosis.target[n])
        example = dataset[image]
        title = f"{dataset.class_names[diagnosis.labels[n]]} {diagnosis.scores[n]:.2f}"
        box = None
        if target >= 0:
            box = example.boxes[target]
            if kind in (Kind.SIMILAR, Kind.OTHER):
                title += f" on {dataset.class_names[example.labels[target]]}"
        note = f"IoU {diagnosis.iou[n]:.2f}"
        yield Finding(image, detections[image].boxes[diagnosis.position[n]], box, title, note)


def _missed(dataset: Dataset, diagnosis: Diagnosis) -> Iterator[Finding]:
    rows = [
        (float(np.prod(example.boxes[g, 2:] - example.boxes[g, :2])), number, g)
        for number, (example, missed) in enumerate(
            zip(dataset, missed_objects(dataset, diagnosis=diagnosis), strict=True)
        )
        for g in np.flatnonzero(missed).tolist()
    ]
    for _, number, g in sorted(rows, key=lambda row: -row[0]):
        box = dataset[number].boxes[g]
        width, height = (box[2:] - box[:2]).tolist()
        name = dataset.class_names[dataset[number].labels[g]]
        yield Finding(number, None, box, name, f"{width:.0f} x {height:.0f} pixels")


def _readable(dataset: Dataset, errors: Iterator[Finding]) -> Iterator[tuple[Finding, UInt8[np.ndarray, "_ _ 3"]]]:
    """Yield findings with their images; stop early if many images in a row of a data set are missing."""
    failures = 0
    for finding in errors:
        try:
            yield finding, read_image(dataset[finding.image].image)
        except (DataError, OSError):
            failures += 1
            if failures > _COLUMNS * _ROWS:
                return


def _show(axes: "Axes", finding: Finding, image: UInt8[np.ndarray, "_ _ 3"], *, name: str) -> None:
    from matplotlib.patches import Rectangle

    boxes = [box for box in (finding.target, finding.detected) if box is not None]
    left, top, right, bottom = _window(np.stack(boxes), width=image.shape[1], height=image.shape[0])
    x1, y1 = max(0, floor(left)), max(0, floor(top))
    visible = image[y1 : ceil(bottom), x1 : ceil(right)]
    axes.imshow(visible, extent=(x1, x1 + visible.shape[1], y1 + visible.shape[0], y1), interpolation="antialiased")
    for box, color in ((finding.target, _OBJECT), (finding.detected, _DETECTED)):
        if box is None:
            continue
        x1, y1, x2, y2 = box.tolist()
        for line, width in (("black", 3.6), (color, 2.0)):
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=line, linewidth=width))
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_title(_short(finding.title, 34), fontsize=10.5, color=INK, loc="left", pad=4)
    below = _short(f"{finding.note} · {name}", 46)
    axes.text(0, -0.03, below, transform=axes.transAxes, fontsize=8, color=SOFT, ha="left", va="top")


def _window(boxes: Float32[np.ndarray, "n 4"], *, width: int, height: int) -> tuple[float, float, float, float]:
    """Return the region to show: the boxes with a margin, in the sheet's aspect; it may reach beyond the image."""
    x1, y1 = boxes[:, :2].min(axis=0).clip(0).tolist()
    x2, y2 = boxes[:, 2:].max(axis=0).clip(0, [width, height]).tolist()
    wide = max(1.4 * (x2 - x1), 1.4 * (y2 - y1) * _ASPECT, _MIN_WIDTH)
    wide = min(wide, max(float(width), height * _ASPECT))
    left = _within((x1 + x2 - wide) / 2, wide, float(width))
    top = _within((y1 + y2 - wide / _ASPECT) / 2, wide / _ASPECT, float(height))
    return left, top, left + wide, top + wide / _ASPECT


def _within(start: float, length: float, limit: float) -> float:
    """Move an interval into the range from 0 to the limit and return its start; a longer interval is centered."""
    if length >= limit:
        return (limit - length) / 2
    return min(max(start, 0.0), limit - length)


def _legend(figure: "Figure", example: Finding) -> None:
    from matplotlib.lines import Line2D

    entries = [
        Line2D([], [], color=color, linewidth=3, label=label)
        for box, color, label in ((example.detected, _DETECTED, "detection"), (example.target, _OBJECT, "object"))
        if box is not None
    ]
    figure.legend(handles=entries, loc="outside lower center", ncols=2, frameon=False, fontsize=9)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
