"""`multibox analyze`: what a detector gets wrong, what that costs, and images of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import complain, print_json, progress_bar, table
from multibox.cli.evaluate import counted
from multibox.cli.options import BackendOption, Batch, Classes, Device, Json, Metric, Precision, PrecisionOption
from multibox.errors import UsageError

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.detections import Detections
    from multibox.evaluation.analysis.analysis import Analysis
    from multibox.evaluation.analysis.groups import ClassGroups

_MOST = 2


def analyze(
    weights: Annotated[
        str | None, typer.Argument(metavar="[WEIGHTS]", help="Detector: a weight file or published name.")
    ] = None,
    *,
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="Data set: a folder or annotation file.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="New or empty folder for the results.")],
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Part of the data set, such as val or 2007:test.")
    ] = None,
    classes: Classes = None,
    detections: Annotated[
        list[Path] | None,
        typer.Option(
            "--detections",
            metavar="PATH",
            help="Detections of any origin: COCO results, VOC result files, or a text file for each image.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="LABEL", help="Name of each detector, in their order.")
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option("--groups", metavar="FILE", help='Similar classes: JSON {"group": ["class", ...]}.'),
    ] = None,
    metric: Annotated[
        Metric, typer.Option("--metric", help="The average precision in which errors are counted.")
    ] = Metric.voc10,
    as_json: Json = False,
    device: Device = None,
    batch: Batch = 8,
    precision: PrecisionOption = None,
    backend: BackendOption = None,
) -> None:
    """Say what a detector, or two beside one another, get wrong and what that costs.

    Writes report.html with all figures, the figures as PNG, and analysis.json into the folder.
    """
    from multibox.data.load import load_dataset
    from multibox.evaluation.analysis.folder import REPORT, prepare_folder, write_analysis
    from multibox.evaluation.analysis.groups import find_groups
    from multibox.evaluation.evaluate import collect
    from multibox.evaluation.results.files import read_detections

    names = _names(weights, detections or [], given=name or [])
    prepare_folder(out)
    whole = load_dataset(data, split=split)
    dataset = counted(whole, classes)
    chosen = find_groups(dataset.class_names, data=data, file=groups)
    found = [collect(read_detections(path, dataset=whole), dataset) for path in detections or []]
    if weights is not None:
        found.insert(0, _from_detector(weights, dataset, device, batch, precision, backend))
    analyses = [
        _analysis(dataset, each, problems, name=label, groups=chosen, metric=metric)
        for label, (each, problems) in zip(names, found, strict=True)
    ]
    with progress_bar("drawing") as advance:
        numbers = write_analysis(out, dataset=dataset, analyses=analyses, groups=chosen, progress=advance)
    for problem in (line for analysis in analyses for line in analysis.problems):
        complain(problem)
    if as_json:
        print_json(numbers)
        return
    for analysis in analyses:
        print(_text(analysis))
    print(out / REPORT)


def _names(weights: str | None, detections: Sequence[Path], *, given: Sequence[str]) -> list[str]:
    """A name for each detector: those given, else of the files. UsageError for a wrong number of either, or equals."""
    paths = [*([Path(weights)] if weights is not None else []), *detections]
    if not 1 <= len(paths) <= _MOST:
        raise UsageError(f"{len(paths)} detectors; analyze takes one or two: WEIGHTS, --detections PATH, or both")
    if given and len(given) != len(paths):
        raise UsageError(f"{len(given)} names for {len(paths)} detectors; give --name once for each, or not at all")
    names = list(given) or [path.stem for path in paths]
    if not given and len(set(names)) < len(names):
        names = [f"{path.parent.name}/{path.stem}" for path in paths]
    if len(set(names)) < len(names):
        raise UsageError(f"both detectors are named {names[0]!r}; tell them apart with --name A --name B")
    return names


def _from_detector(
    weights: str,
    dataset: "Dataset",
    device: str | None,
    batch: int,
    precision: Precision | None,
    backend: str | None,
) -> "tuple[list[Detections], list[str]]":
    from multibox.detection.detector import Detector
    from multibox.evaluation.evaluate import collect

    detector = Detector.load(weights, device=device, precision=precision, backend=backend, batch_size=batch)
    with progress_bar("detecting") as advance:
        return collect(detector, dataset, progress=advance, batch_size=batch)


def _analysis(
    dataset: "Dataset",
    detections: "list[Detections]",
    problems: list[str],
    *,
    name: str,
    groups: "ClassGroups",
    metric: Metric,
) -> "Analysis":
    from multibox.evaluation.analysis.analysis import analyse

    with progress_bar(f"analyzing {name}") as advance:
        return analyse(
            dataset,
            detections=detections,
            groups=groups,
            metric=metric.value,
            name=name,
            problems=problems,
            progress=advance,
        )


def _text(analysis: "Analysis") -> str:
    """A table for the terminal: how often each kind of error occurs and what it costs."""
    from multibox.evaluation.analysis.costs import REPAIRS

    costs = analysis.costs
    rows: list[tuple[str, ...]] = [("kind", "best", "all", "AP points gained")]
    rows += [("correct", str(analysis.leading["correct"]), str(analysis.counts["correct"]), "")]
    for repair in REPAIRS:
        gain = f"{100 * costs.gain[repair]:+.1f}"
        counts = ("", str(analysis.missed)) if repair == "missed" else _both(analysis, repair)
        rows.append((repair, *counts, gain))
    head = f"{analysis.name}: AP {100 * costs.ap:.1f} % ({costs.metric})"
    lines = "\n".join(line.rstrip() for line in table(rows).splitlines())
    return f"{head}\n\n{lines}\n"


def _both(analysis: "Analysis", kind: str) -> tuple[str, str]:
    return str(analysis.leading[kind]), str(analysis.counts[kind])
