"""The folder of an analysis: figures, contact sheets, numbers, and the report that shows them."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from multibox.data.dataset import Dataset
from multibox.drawing.figure import new_figure, save_figure
from multibox.errors import DataError
from multibox.evaluation.analysis.analysis import Analysis
from multibox.evaluation.analysis.errors_plot import plot_costs, plot_trends
from multibox.evaluation.analysis.groups import ClassGroups
from multibox.evaluation.analysis.kinds import WRONG
from multibox.evaluation.analysis.report import write_analysis_report
from multibox.evaluation.analysis.sensitivity_plot import chosen_classes, plot_sensitivity
from multibox.evaluation.analysis.sheet import MISSED, contact_sheet, findings
from multibox.system.atomic import write_atomically
from multibox.system.progress import Progress
from multibox.system.result_folder import prepare_result_folder

REPORT, NUMBERS = "report.html", "analysis.json"
SHEETS = (*(kind.title for kind in WRONG), MISSED)

_MADE_BY = "multibox analyze"


def prepare_folder(out: Path) -> None:
    """Create the folder, or delete the files of an earlier analysis from it.

    UsageError if the folder holds files but no earlier analysis, or if matplotlib is missing; both before any work.
    """
    new_figure(1, 1)
    prepare_result_folder(out, numbers=NUMBERS, made_by=_MADE_BY)


def write_analysis(
    out: Path,
    *,
    dataset: Dataset,
    analyses: Sequence[Analysis],
    groups: ClassGroups,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write all files into a prepared folder and return the numbers, which are also in analysis.json.

    The files are figure3.png, figure4.png and cost.png; figure6.png for two detectors; sensitivity.png if there are
    more classes than figure4.png shows; errors_KIND.png for each kind with errors, with -1 and -2 for two detectors;
    report.html.
    """
    steps = [*_figures(analyses), *_sheets(dataset, analyses)]
    written = []
    for number, (name, draw) in enumerate(steps, 1):
        figure = draw()
        if figure is not None:
            save_figure(figure, out / name)
            written.append(name)
        if progress is not None:
            progress(number, len(steps))
    figures = [out / name for name in written]
    write_analysis_report(out / REPORT, dataset=dataset, analyses=analyses, groups=groups, figures=figures)
    numbers = {
        "made_by": _MADE_BY,
        "data": dataset.name,
        "images": len(dataset),
        "groups": {"origin": groups.origin, "shown": groups.shown, "similar": groups.alike},
        "detectors": [analysis.to_json() for analysis in analyses],
        "files": [REPORT, NUMBERS, *written],
    }
    write_atomically(out / NUMBERS, (json.dumps(numbers, ensure_ascii=False, indent=1) + "\n").encode())
    return numbers


def _figures(analyses: Sequence[Analysis]) -> list[tuple[str, Callable[[], Any]]]:
    trends = {analysis.name: analysis.trends for analysis in analyses}
    of_classes = {analysis.name: analysis.sensitivity for analysis in analyses}
    every = list(analyses[0].sensitivity)
    if not every:
        raise DataError("no object of the data set counts: all are difficult or crowds; choose a split that has some")
    chosen = chosen_classes(analyses[0].sensitivity)
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("cost.png", lambda: plot_costs({analysis.name: analysis.costs for analysis in analyses})),
        ("figure3.png", lambda: plot_trends(trends)),
        ("figure4.png", lambda: plot_sensitivity(of_classes, classes=chosen, side_by_side=True)),
    ]
    if len(analyses) > 1:
        steps.append(("figure6.png", lambda: plot_sensitivity(of_classes, classes=chosen, properties=("area",))))
    if len(every) > len(chosen):
        steps.append(("sensitivity.png", lambda: plot_sensitivity(of_classes, classes=every)))
    return steps


def _sheets(dataset: Dataset, analyses: Sequence[Analysis]) -> list[tuple[str, Callable[[], Any]]]:
    return [
        (sheet_name(kind, number=number, of=len(analyses)), partial(_sheet, dataset, analysis, kind))
        for number, analysis in enumerate(analyses, 1)
        for kind in SHEETS
    ]


def sheet_name(kind: str, *, number: int, of: int) -> str:
    """Return the file name of a contact sheet; detectors are numbered from 1."""
    return f"errors_{kind}-{number}.png" if of > 1 else f"errors_{kind}.png"


def _sheet(dataset: Dataset, analysis: Analysis, kind: str) -> Any:
    found = findings(dataset, detections=analysis.detections, diagnosis=analysis.diagnosis, kind=kind)
    return contact_sheet(dataset, errors=found, kind=kind)
