"""Reproduces a figure of the paper: trains its detectors as far as needed, and analyzes them or shows examples."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.errors import DataError, UsageError
from multibox.evaluation.analysis.analysis import Analysis, analyze
from multibox.evaluation.analysis.folder import REPORT, prepare_folder, write_analysis
from multibox.evaluation.analysis.groups import ClassGroups, find_groups
from multibox.evaluation.evaluate import collect
from multibox.images.write import write_image
from multibox.paper.examples import example_sheet
from multibox.paper.figures import Figure, ShownDetector
from multibox.paper.reproduce import OnMessage, finish
from multibox.paper.request import Request, find_test_split, missing_splits, prepare
from multibox.paper.splits import thinned
from multibox.paper.submission import images_without_annotations

METRIC = "voc07"


def reproduce_figure(
    figure: Figure, request: Request, *, weights: Sequence[str] = (), on_message: OnMessage
) -> list[Path]:
    """Write a folder for each panel, and return the file to look at of each: a report, or an image of examples.

    `weights` are detectors in the figure's order; without any, the detectors are trained. Raises UsageError for a wrong
    number of weights, DataError if the data are missing.
    """
    if weights and len(weights) != len(figure.detectors):
        names = ", ".join(shown.label for shown in figure.detectors)
        raise UsageError(f"{len(weights)} weights for {figure.name}, which shows {names}: give one for each, or none")
    if figure.min_score is None:
        for panel in figure.panels:
            prepare_folder(request.out / panel)
    files = (
        list(weights)
        if weights
        else [_train(figure, shown, request, on_message=on_message) for shown in figure.detectors]
    )
    test = _test_images(figure, request)
    if figure.min_score is not None:
        name = _name(figure.detectors[0], request, weights=files[0] if weights else None)
        return [_show_examples(figure, files[0], test, request, name=name, on_message=on_message)]
    groups = find_groups(test.class_names)
    analyses = []
    for shown, file in zip(figure.detectors, files, strict=True):
        name = _name(shown, request, weights=file if weights else None)
        on_message(f"analyzing {name} on {len(test)} images")
        analyses.append(_analyze(file, test, groups, request, name=name))
    for panel, detectors in figure.panels.items():
        of_panel, analyses = analyses[: len(detectors)], analyses[len(detectors) :]
        write_analysis(request.out / panel, dataset=test, analyses=of_panel, groups=groups)
    return [request.out / panel / REPORT for panel in figure.panels]


def _show_examples(
    figure: Figure, weights: str, test: Dataset, request: Request, *, name: str, on_message: OnMessage
) -> Path:
    """Write the sheet of a figure's only detector."""
    assert figure.min_score is not None
    on_message(f"looking for detections above {figure.min_score} in {test.name}")
    detector = Detector.load(weights, device=request.device)
    caption = f"{name} on {test.name}: detections with a score of at least {figure.min_score}"
    sheet = example_sheet(detector, test, min_score=figure.min_score, caption=caption)
    path = request.out / figure.name / f"{figure.name}.jpg"
    write_image(path, sheet)
    return path


def _train(figure: Figure, shown: ShownDetector, request: Request, *, on_message: OnMessage) -> str:
    """Return the weight file of a detector, after training it if it is not finished."""
    row = figure.row(shown)
    missing = missing_splits(row, request)
    if missing:
        raise DataError(f"{shown.recipe} needs {missing[0].split}: {missing[0].problem}")
    finish(row, request, on_message=on_message)
    return str(request.folder(shown.recipe) / "last.safetensors")


def _test_images(figure: Figure, request: Request) -> Dataset:
    """Return the images that all detectors see; the name of a rehearsal's data set says that it is one."""
    needed = find_test_split(figure.test, request)
    if needed.folder is None or needed.problem:
        raise DataError(f"{figure.name} needs {needed.split}: {needed.problem}")
    recipe = prepare(figure.detectors[0].recipe, request)
    unlabeled = images_without_annotations(needed) if figure.min_score is not None else None
    dataset = unlabeled or load_dataset(
        needed.folder, split=needed.split, pixel_rule=recipe.pixel_rule, classes=recipe.classes
    )
    dataset = thinned(dataset, request.scale)
    stamp = ", ".join(request.stamp)
    return replace(dataset, name=f"{dataset.name}; rehearsal: {stamp}") if stamp else dataset


def _name(shown: ShownDetector, request: Request, *, weights: str | None) -> str:
    """Return the paper's name, with the file if the weights are not from the paper's training."""
    name = f"{shown.label} from {Path(weights).name}" if weights else shown.label
    return f"{name} (rehearsal)" if request.stamp else name


def _analyze(weights: str, test: Dataset, groups: ClassGroups, request: Request, *, name: str) -> Analysis:
    found, problems = collect(Detector.load(weights, device=request.device), test)
    return analyze(test, detections=found, groups=groups, metric=METRIC, name=name, problems=problems)
