"""Figures 3, 4 and 6 of the paper, on VOC2007 test: which detectors they show, and how to reproduce them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.errors import DataError, UsageError
from multibox.evaluation.analysis.analysis import Analysis, analyze
from multibox.evaluation.analysis.folder import prepare_folder, write_analysis
from multibox.evaluation.analysis.groups import ClassGroups, find_groups
from multibox.evaluation.evaluate import collect
from multibox.paper.reproduce import OnMessage, finish
from multibox.paper.request import Request, find_test_split, missing_splits, prepare
from multibox.paper.splits import thinned
from multibox.paper.tables import TABLES, Row, Table, TestSet

METRIC = "voc07"


@dataclass(frozen=True)
class ShownDetector:
    """A detector of a figure: the paper's name for it, and the recipe that trains it."""

    label: str
    recipe: str


@dataclass(frozen=True)
class Figure:
    """A figure; `name` is what `multibox reproduce` takes. Each panel compares one or two detectors."""

    name: str
    title: str
    panels: Mapping[str, tuple[ShownDetector, ...]]

    @property
    def detectors(self) -> tuple[ShownDetector, ...]:
        return tuple(shown for panel in self.panels.values() for shown in panel)

    @property
    def table(self) -> Table:
        """The rows of the tables that train its detectors."""
        rows = {row.recipe: row for table in TABLES.values() for row in table.rows}
        return Table(self.name, self.title, tuple(rows[shown.recipe] for shown in self.detectors))

    @property
    def test(self) -> TestSet:
        """The images that all its detectors are tested on."""
        test = self.table.rows[0].test
        assert test is not None
        return test

    def row(self, shown: ShownDetector) -> Row:
        return next(row for row in self.table.rows if row.recipe == shown.recipe)


_SSD300 = ShownDetector("SSD300", "table1-ssd300-0712")
_SSD512 = ShownDetector("SSD512", "table1-ssd512-0712")

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        figure.name: figure
        for figure in (
            Figure("figure3", "Figure 3: kinds of errors of SSD512", {"figure3": (_SSD512,)}),
            Figure("figure4", "Figure 4: sensitivity to size and shape", {"figure4": (_SSD300, _SSD512)}),
            Figure(
                "figure6",
                "Figure 6: sensitivity to size without and with zoom-out",
                {
                    "figure6-ssd300": (_SSD300, ShownDetector("SSD300*", "ssd300-voc")),
                    "figure6-ssd512": (_SSD512, ShownDetector("SSD512*", "ssd512-voc")),
                },
            ),
        )
    }
)


def reproduce_figure(
    figure: Figure, request: Request, *, weights: Sequence[str] = (), on_message: OnMessage
) -> list[Path]:
    """Write a folder of figures, numbers and a report for each panel, and return the folders.

    `weights` are detectors in the figure's order; without any, the detectors are trained. Raises UsageError for a wrong
    number of weights, DataError if the data are missing.
    """
    if weights and len(weights) != len(figure.detectors):
        names = ", ".join(shown.label for shown in figure.detectors)
        raise UsageError(f"{len(weights)} weights for {figure.name}, which shows {names}: give one for each, or none")
    for panel in figure.panels:
        prepare_folder(request.out / panel)
    files = (
        list(weights)
        if weights
        else [_train(figure, shown, request, on_message=on_message) for shown in figure.detectors]
    )
    test = _test_images(figure, request)
    groups = find_groups(test.class_names)
    analyses = []
    for shown, file in zip(figure.detectors, files, strict=True):
        name = _name(shown, request, weights=file if weights else None)
        on_message(f"analyzing {name} on {len(test)} images")
        analyses.append(_analyze(file, test, groups, request, name=name))
    for panel, detectors in figure.panels.items():
        of_panel, analyses = analyses[: len(detectors)], analyses[len(detectors) :]
        write_analysis(request.out / panel, dataset=test, analyses=of_panel, groups=groups)
    return [request.out / panel for panel in figure.panels]


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
    dataset = load_dataset(needed.folder, split=needed.split, pixel_rule=recipe.pixel_rule, classes=recipe.classes)
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
