"""The HTML page of an analysis."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from multibox.data.dataset import Dataset
from multibox.drawing.html import jpeg_uri, percent, png_uri, write_page
from multibox.evaluation.analysis.analysis import Analysis
from multibox.evaluation.analysis.costs import REPAIRS
from multibox.evaluation.analysis.groups import ClassGroups
from multibox.evaluation.analysis.kinds import WRONG, Kind
from multibox.images.decode import read_image

SHEET_WIDTH = 1240  # pixels of an embedded contact sheet
MAX_CONFUSIONS = 12

_MEANINGS = {
    "correct": "IoU of at least 0.5 with an object of its class, the first to match it",
    "localization": "right class, IoU of 0.1 to 0.5",
    "duplicate": "right class, IoU of at least 0.5, but a detection with a higher score matches the object",
    "similar": "IoU of at least 0.1 with an object of a similar class",
    "other": "IoU of at least 0.1 with an object of another class",
    "background": "none of these",
    "missed": "objects without a correct detection",
}
_FIGURES = {
    "cost.png": (
        "What each error costs",
        "Average precision gained without this kind of error alone; the gains do not add up",
    ),
    "figure3.png": (
        "Detections as their number grows",
        "Above: kinds of the best detections of each class, up to eight times as many as it has objects. "
        "Below: kinds of the false positives",
    ),
    "figure4.png": (
        "Sensitivity to size and shape",
        "Normalized AP of the smallest 10 % of a class's objects (XS), then 20 % (S), 40 % (M), 20 % (L), 10 % (XL), "
        "and from tall (XT) to wide (XW). Thin lines: standard error; dashed: all objects of the class",
    ),
    "figure6.png": ("Sensitivity to size, one detector below the other", "The same numbers, easier to compare"),
    "sensitivity.png": ("Sensitivity of all classes", "The same for every class that has objects"),
}


def write_analysis_report(
    path: Path, *, dataset: Dataset, analyses: Sequence[Analysis], groups: ClassGroups, figures: Sequence[Path]
) -> None:
    """Write the page. `figures` are PNG files in the order in which they are shown: charts and contact sheets."""
    names = " and ".join(analysis.name for analysis in analyses)
    several = len(analyses) > 1
    values = {
        "title": f"Errors of {names} on {dataset.name}",
        "several": several,
        "numbers": _headline_numbers(dataset, analyses),
        "kinds": {"head": _kinds_head(analyses), "rows": _kinds_rows(analyses)},
        "charts": [_chart(figure, several=several) for figure in figures if figure.name in _FIGURES],
        "confusions": _confusions(analyses),
        "sheets": _sheets(analyses, [figure for figure in figures if figure.name not in _FIGURES]),
        "rows": _facts(dataset, analyses, groups),
    }
    write_page(path, "evaluation/analysis/report.html", values)


def _headline_numbers(dataset: Dataset, analyses: Sequence[Analysis]) -> list[tuple[str, str]]:
    numbers = []
    for analysis in analyses:
        of = f" of {analysis.name}" if len(analyses) > 1 else ""
        numbers.append((f"AP{of}, % ({analysis.costs.metric})", percent(analysis.costs.ap)))
    counted = sum(analyses[0].diagnosis.num_objects)
    return [*numbers, ("images", f"{len(dataset):,}"), ("objects that count", f"{counted:,}")]


def _kinds_head(analyses: Sequence[Analysis]) -> list[str]:
    head = ["", ""]
    for analysis in analyses:
        prefix = f"{analysis.name}: " if len(analyses) > 1 else ""
        head += [f"{prefix}best", "all", "AP, points"]
    return head


def _kinds_rows(analyses: Sequence[Analysis]) -> list[list[str]]:
    """For each kind its meaning, and for each detector how many detections it has and what it costs."""
    titles = [*(kind.title for kind in (Kind.CORRECT, *WRONG)), "missed"]
    return [[title, _MEANINGS[title], *_kind_cells(analyses, title)] for title in titles]


def _kind_cells(analyses: Sequence[Analysis], kind: str) -> Iterator[str]:
    for analysis in analyses:
        yield "" if kind == "missed" else f"{analysis.leading[kind]:,}"
        yield f"{analysis.missed if kind == 'missed' else analysis.counts[kind]:,}"
        yield f"{100 * analysis.costs.gain[kind]:+.1f}" if kind in REPAIRS else ""


def _chart(path: Path, *, several: bool) -> dict[str, Any]:
    title, note = _FIGURES[path.name]
    return {"title": title, "note": note, "source": png_uri(path), "wide": several and path.name == "figure4.png"}


def _confusions(analyses: Sequence[Analysis]) -> list[tuple[str, list[list[str]]]]:
    """For each detector that confuses classes its name and the most frequent confusions."""
    return [
        (analysis.name, [[a, b, f"{count:,}"] for a, b, count in analysis.confusions[:MAX_CONFUSIONS]])
        for analysis in analyses
        if analysis.confusions
    ]


def _sheets(analyses: Sequence[Analysis], paths: Sequence[Path]) -> list[tuple[str, list[dict[str, str]]]]:
    """For each detector that has contact sheets its name and the sheets, which end in its number if there are two."""
    found = []
    for number, analysis in enumerate(analyses, 1):
        own = [path for path in paths if len(analyses) == 1 or path.stem.endswith(f"-{number}")]
        if own:
            found.append((analysis.name, [{"title": path.stem, "source": _sheet_uri(path)} for path in own]))
    return found


def _sheet_uri(path: Path) -> str:
    return jpeg_uri(read_image(path), max_width=SHEET_WIDTH)


def _facts(dataset: Dataset, analyses: Sequence[Analysis], groups: ClassGroups) -> list[tuple[str, str]]:
    return [
        ("data", dataset.name),
        *((f"detections of {analysis.name}", f"{len(analysis.diagnosis.kind):,}") for analysis in analyses),
        ("similar classes", groups.origin),
        *((title, ", ".join(members)) for title, members in groups.alike.items()),
        *((f"problem, {analysis.name}", line) for analysis in analyses for line in analysis.problems),
    ]
