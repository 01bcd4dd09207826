"""The paper's figures anew: train or take the detectors, and analyze their detections."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.errors import DataError, UsageError
from multibox.evaluation.analysis.analysis import Analysis, analyze
from multibox.evaluation.analysis.folder import prepare_folder, write_analysis
from multibox.evaluation.analysis.groups import ClassGroups, find_groups
from multibox.evaluation.evaluate import collect
from multibox.paper.figures import Figure, Shown
from multibox.paper.locate import thinned
from multibox.paper.reproduce import finish, say
from multibox.paper.request import Request, look_for_test, missing_parts, prepare


def reproduce_figure(figure: Figure, request: Request, *, weights: Sequence[str] = ()) -> list[Path]:
    """Write a folder of figures, numbers and a report for each panel, and return the folders.

    `weights` are detectors in the figure's order, none to train what is missing. Raises UsageError for a wrong number
    of weights, DataError where the data are not there.
    """
    if weights and len(weights) != len(figure.detectors):
        names = ", ".join(shown.label for shown in figure.detectors)
        raise UsageError(f"{len(weights)} weights for {figure.name}, which shows {names}: give one for each, or none")
    for panel in figure.panels:
        prepare_folder(request.out / panel)
    files = list(weights) if weights else [_train(figure, shown, request) for shown in figure.detectors]
    given = iter(zip(figure.detectors, files, strict=True))
    test = _test_images(figure, request)
    groups = find_groups(test.class_names)
    folders = []
    for panel, shown in figure.panels.items():
        analyses = [_analyze(*next(given), test, groups, request, named=bool(weights)) for _ in shown]
        write_analysis(request.out / panel, dataset=test, analyses=analyses, groups=groups)
        folders.append(request.out / panel)
    return folders


def _train(figure: Figure, shown: Shown, request: Request) -> str:
    """The weight file of a detector, trained as far as it is not."""
    row = figure.row(shown)
    missing = missing_parts(row, request)
    if missing:
        raise DataError(f"{shown.recipe} needs {missing[0].split}: {missing[0].problem}")
    finish(row, request)
    return str(request.folder(shown.recipe) / "last.safetensors")


def _test_images(figure: Figure, request: Request) -> Dataset:
    """All detectors see the same images; the name of a rehearsal's says what it is."""
    part = look_for_test(figure.test, request)
    if part.folder is None or part.problem:
        raise DataError(f"{figure.name} needs {part.split}: {part.problem}")
    recipe = prepare(figure.detectors[0].recipe, request)
    dataset = load_dataset(part.folder, split=part.split, pixels=recipe.pixels, classes=recipe.classes)
    dataset = thinned(dataset, request.scale)
    stamp = ", ".join(request.stamp)
    return replace(dataset, name=f"{dataset.name}; rehearsal: {stamp}") if stamp else dataset


def _analyze(
    shown: Shown, weights: str, test: Dataset, groups: ClassGroups, request: Request, *, named: bool
) -> Analysis:
    """`named`: the weights are not of the paper's training, so their name says which they are."""
    name = f"{shown.label} from {Path(weights).name}" if named else shown.label
    name = f"{name} (rehearsal)" if request.stamp else name
    say(f"analyzing {name} on {len(test)} images")
    found, problems = collect(Detector.load(weights, device=request.device), test)
    return analyze(test, detections=found, groups=groups, metric="voc07", name=name, problems=problems)
