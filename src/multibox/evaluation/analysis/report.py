"""The HTML page of an analysis, complete in itself: figures lie inside, nothing comes from the network."""

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import cv2
import numpy as np

from multibox._version import __version__
from multibox.data.dataset import Dataset
from multibox.evaluation.analysis.analysis import Analysis
from multibox.evaluation.analysis.costs import REPAIRS
from multibox.evaluation.analysis.groups import ClassGroups
from multibox.evaluation.analysis.kinds import WRONG, Kind

_SHEET_WIDTH = 1240  # pixels of an embedded contact sheet
_MOST_CONFUSIONS = 12

_MEANINGS = {
    "correct": "IoU of at least 0.5 with an object of its class, the first there",
    "localization": "right class, IoU of 0.1 to 0.5",
    "duplicate": "right class, IoU of at least 0.5, but a better score has the object",
    "similar": "IoU of at least 0.1 with an object of a similar class",
    "other": "IoU of at least 0.1 with an object of another class",
    "background": "none of these",
    "missed": "objects without a correct detection",
}
_FIGURES = {
    "cost.png": (
        "What each error costs",
        "Average precision that would be gained if this kind of error alone did not happen; gains do not add up",
    ),
    "figure3.png": (
        "Detections as their number grows",
        "Above: what the best detections of each class are, up to eight times as many as it has objects. "
        "Below: what the false positives are",
    ),
    "figure4.png": (
        "Sensitivity to size and shape",
        "Normalized AP of the smallest 10 % of a class's objects (XS), then 20 % (S), 40 % (M), 20 % (L), 10 % (XL), "
        "and from tall (XT) to wide (XW). Thin lines: standard error; dashed: all objects of the class",
    ),
    "figure6.png": ("Sensitivity to size, one detector below the other", "The same numbers, easier to compare"),
    "sensitivity.png": ("Sensitivity of all classes", "The same for every class that has objects"),
}


def report_page(dataset: Dataset, *, analyses: Sequence[Analysis], groups: ClassGroups, figures: Sequence[Path]) -> str:
    """The page. `figures` are PNG files, shown in their order; contact sheets are those named errors_..."""
    charts = [path for path in figures if path.name in _FIGURES]
    sheets = [path for path in figures if path.name not in _FIGURES]
    names = " and ".join(analysis.name for analysis in analyses)
    parts = [
        _tiles(dataset, analyses),
        _kinds(analyses),
        *(_chart(path, wide=path.name == "figure4.png" and len(analyses) > 1) for path in charts),
        _confusions(analyses),
        *(_sheets(analysis, sheets, number, len(analyses)) for number, analysis in enumerate(analyses, 1)),
        _facts(dataset, analyses, groups),
    ]
    template = Template(files("multibox.drawing").joinpath("report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(f"Errors of {names} on {dataset.name}"), body="\n".join(filter(None, parts)), version=__version__
    )


def _tiles(dataset: Dataset, analyses: Sequence[Analysis]) -> str:
    tiles = []
    for analysis in analyses:
        of = f" of {analysis.name}" if len(analyses) > 1 else ""
        tiles.append((f"AP{of}, % ({analysis.costs.metric})", _percent(analysis.costs.ap)))
    tiles.append(("images", f"{len(dataset):,}"))
    tiles.append(("objects that count", f"{sum(analyses[0].diagnosis.num_objects):,}"))
    inside = "".join(f'<div class="tile"><b>{value}</b><span>{escape(name)}</span></div>' for name, value in tiles)
    return f'<div class="tiles">{inside}</div>'


def _kinds(analyses: Sequence[Analysis]) -> str:
    """For each kind what it means, how many of the leading and of all detections it has, and what it costs."""
    head = ["", "", *(title for a in analyses for title in (f"{_of(a, analyses)}best", "all", "AP, points"))]
    rows = [[kind.title, _MEANINGS[kind.title], *_row(analyses, kind.title)] for kind in (Kind.CORRECT, *WRONG)]
    rows.append(["missed", _MEANINGS["missed"], *_row(analyses, "missed")])
    note = (
        "best: of each class as many detections as it has objects; all: every detection; "
        "AP: what the score would gain without this error"
    )
    return _section("Kinds of detections", note, _table(head, rows))


def _row(analyses: Sequence[Analysis], kind: str) -> Iterable[str]:
    for analysis in analyses:
        yield "" if kind == "missed" else f"{analysis.leading[kind]:,}"
        yield f"{analysis.missed if kind == 'missed' else analysis.counts[kind]:,}"
        yield f"{100 * analysis.costs.gain[kind]:+.1f}" if kind in REPAIRS else ""


def _chart(path: Path, *, wide: bool) -> str:
    title, note = _FIGURES[path.name]
    style = "background:#fff;border-radius:8px;" + ("width:1800px" if wide else "max-width:100%")
    image = f'<img alt="{escape(title)}" style="display:block;{style}" src="{_png(path)}">'
    return _section(title, note, f'<div style="overflow-x:auto">{image}</div>')


def _confusions(analyses: Sequence[Analysis]) -> str:
    parts = []
    for analysis in analyses:
        rows = [[a, b, f"{count:,}"] for a, b, count in analysis.confusions[:_MOST_CONFUSIONS]]
        if rows:
            parts.append(_heading(analysis, analyses) + _table(["detected", "on an object of class", "times"], rows))
    note = "Among the best detections of each class, as many as it has objects"
    return _section("Classes taken for one another", note, "".join(parts)) if parts else ""


def _sheets(analysis: Analysis, sheets: Sequence[Path], number: int, of: int) -> str:
    mine = [path for path in sheets if of == 1 or path.stem.endswith(f"-{number}")]
    images = "".join(
        f'<img alt="{escape(path.stem)}" style="display:block;max-width:100%;border-radius:8px;margin-top:18px" '
        f'src="{_jpeg(path)}">'
        for path in mine
    )
    if not images:
        return ""
    title = "The most confident errors" + (f" of {analysis.name}" if of > 1 else "")
    return _section(title, "At most two of each kind from one image", images)


def _facts(dataset: Dataset, analyses: Sequence[Analysis], groups: ClassGroups) -> str:
    rows = [("data", dataset.name)]
    rows += [(f"detections of {a.name}", f"{len(a.diagnosis.kind):,}") for a in analyses]
    rows += [("similar classes", groups.origin)]
    rows += [(title, ", ".join(members)) for title, members in groups.alike.items()]
    rows += [(f"problem, {a.name}", line) for a in analyses for line in a.problems]
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return _section("Facts", "", f'<table class="facts">{cells}</table>')


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first two columns are words and the others numbers."""
    top = "".join(f"<th{_number(column)}>{escape(cell)}</th>" for column, cell in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{_number(column)}>{escape(cell)}</td>" for column, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div style="overflow-x:auto"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _number(column: int) -> str:
    return ' style="padding-right:18px"' if column < 2 else ' style="text-align:right;padding-left:18px"'


def _section(heading: str, note: str, content: str) -> str:
    line = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(heading)}</h2>{line}{content}</section>"


def _heading(analysis: Analysis, analyses: Sequence[Analysis]) -> str:
    return f'<h3 style="margin-top:14px"><span>{escape(analysis.name)}</span></h3>' if len(analyses) > 1 else ""


def _of(analysis: Analysis, analyses: Sequence[Analysis]) -> str:
    return f"{analysis.name}: " if len(analyses) > 1 else ""


def _png(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _jpeg(path: Path) -> str:
    """An image made smaller where it is wide, as JPEG inside an address."""
    image = np.asarray(cv2.imread(str(path)))
    height, width = image.shape[:2]
    if width > _SHEET_WIDTH:
        size = (_SHEET_WIDTH, round(height * _SHEET_WIDTH / width))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 86])[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"
