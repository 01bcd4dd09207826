"""`multibox analyze`: what a detector gets wrong, what that costs, and images of the errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from multibox.cli.console import complain, print_json, progress_bar, table
from multibox.cli.evaluate import DETECTIONS_HELP
from multibox.cli.options import (
    DEFAULT_BATCH,
    Classes,
    ClassMap,
    Data,
    Device,
    Engine,
    Holdout,
    Json,
    MaxPixels,
    Metric,
    OptionalBatch,
    OutFolder,
    Precision,
    Split,
    Stretch,
    check_for_detector,
    check_renamed,
    split_names,
)
from multibox.cli.scored_data import scored_data
from multibox.errors import UsageError
from multibox.evaluation.metrics import DEFAULT_METRIC

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.detection.detector import Detector
    from multibox.detections import Detections
    from multibox.evaluation.analysis.analysis import Analysis
    from multibox.evaluation.analysis.groups import ClassGroups

Found: TypeAlias = "tuple[list[Detections], list[str]]"
MAX_DETECTORS = 2


def analyze(
    weights: Annotated[
        str | None, typer.Argument(metavar="WEIGHTS", help="Detector: a weight file or a published name.")
    ] = None,
    *,
    data: Data,
    out: OutFolder,
    split: Split = None,
    holdout: Holdout = None,
    classes: Classes = None,
    new_names: ClassMap = None,
    detections: Annotated[
        list[Path] | None, typer.Option("--detections", metavar="PATH", help=f"{DETECTIONS_HELP} Repeatable.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="LABEL", help="Name of each detector, in their order.")
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option("--groups", metavar="FILE", help='Similar classes: JSON {"group": ["class", ...]}.'),
    ] = None,
    metric: Metric = DEFAULT_METRIC,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
    device: Device = None,
    batch: OptionalBatch = None,
    precision: Precision = None,
    engine: Engine = None,
) -> None:
    """Show what a detector gets wrong and what its errors cost, or compare two detectors.

    Writes report.html with all figures, the figures as PNG, and analysis.json into a new or empty folder.
    """
    from multibox.data.load import choose_classes
    from multibox.detection.detector import Detector
    from multibox.evaluation.analysis.folder import prepare_folder, write_analysis
    from multibox.evaluation.analysis.groups import find_groups

    check_renamed(new_names, detector=weights)
    asked = {"--device": device, "--precision": precision, "--engine": engine}
    check_for_detector(asked | {"--batch": batch, "--holdout": holdout}, detector=weights if detections else "")
    names = _names(weights, detections or [], given=name or [])
    prepare_folder(out)
    whole = scored_data(data, split=split, holdout=holdout)
    dataset = choose_classes(whole, classes=split_names(classes))
    similar = find_groups(dataset.class_names, data=data, file=groups)
    found = [_read(path, whole=whole, dataset=dataset) for path in detections or []]
    if weights is not None:
        detector = Detector.load(
            weights, device=device, precision=precision, engine=engine, batch_size=batch or DEFAULT_BATCH
        )
        detector.rename_classes(new_names or [])
        found.insert(0, _detect(detector, dataset, batch=batch or DEFAULT_BATCH))
    pairs = zip(names, found, strict=True)
    analyses = [_analyze(dataset, each, name=label, groups=similar, metric=metric) for label, each in pairs]
    with progress_bar("drawing") as advance:
        numbers = write_analysis(out, dataset=dataset, analyses=analyses, groups=similar, progress=advance)
    _print(analyses, numbers, out=out, as_json=as_json)


def _names(weights: str | None, detections: Sequence[Path], *, given: Sequence[str]) -> list[str]:
    """The name of each detector: as given, else from its file. UsageError for a wrong number or two equal names."""
    paths = [*([Path(weights)] if weights is not None else []), *detections]
    if not 1 <= len(paths) <= MAX_DETECTORS:
        raise UsageError(f"{len(paths)} detectors; analyze takes one or two: WEIGHTS, --detections PATH, or both")
    if given and len(given) != len(paths):
        raise UsageError(f"{len(given)} names for {len(paths)} detectors; give --name once for each, or not at all")
    names = list(given) or [path.stem for path in paths]
    if not given and len(set(names)) < len(names):
        names = [f"{path.parent.name}/{path.stem}" for path in paths]
    if len(set(names)) < len(names):
        raise UsageError(f"both detectors are named {names[0]!r}; tell them apart with --name A --name B")
    return names


def _read(path: Path, *, whole: "Dataset", dataset: "Dataset") -> Found:
    """Detections in a file, which may number the classes of the whole data set, for the chosen classes."""
    from multibox.evaluation.evaluate import collect
    from multibox.evaluation.results.files import read_detections

    return collect(read_detections(path, dataset=whole), dataset)


def _detect(detector: "Detector", dataset: "Dataset", *, batch: int) -> Found:
    from multibox.evaluation.evaluate import collect

    with progress_bar("detecting") as advance:
        return collect(detector, dataset, progress=advance, batch_size=batch)


def _analyze(dataset: "Dataset", found: Found, *, name: str, groups: "ClassGroups", metric: str) -> "Analysis":
    from multibox.evaluation.analysis.analysis import analyze

    detections, problems = found
    with progress_bar(f"analyzing {name}") as advance:
        return analyze(
            dataset,
            detections=detections,
            groups=groups,
            metric=metric,
            name=name,
            problems=problems,
            progress=advance,
        )


def _print(analyses: "Sequence[Analysis]", numbers: dict[str, Any], *, out: Path, as_json: bool) -> None:
    from multibox.evaluation.analysis.folder import REPORT

    for problem in (line for analysis in analyses for line in analysis.problems):
        complain(problem)
    if as_json:
        print_json(numbers)
        return
    for analysis in analyses:
        print(_text(analysis))
    print(out / REPORT)


def _text(analysis: "Analysis") -> str:
    """A table of how often each kind of error occurs and what it costs."""
    from multibox.evaluation.analysis.costs import REPAIRS

    costs = analysis.costs
    rows: list[tuple[str, ...]] = [("kind", "best", "all", "AP points gained")]
    rows += [("correct", str(analysis.leading["correct"]), str(analysis.counts["correct"]), "")]
    for repair in REPAIRS:
        gain = f"{100 * costs.gain[repair]:+.1f}"
        if repair == "missed":
            rows.append((repair, "", str(analysis.missed), gain))
        else:
            rows.append((repair, str(analysis.leading[repair]), str(analysis.counts[repair]), gain))
    head = f"{analysis.name}: AP {100 * costs.ap:.1f} % ({costs.metric})"
    lines = "\n".join(line.rstrip() for line in table(rows).splitlines())
    return f"{head}\n\n{lines}\n"
