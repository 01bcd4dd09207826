"""`multibox evaluate`: how good a detector, or a file of detections, is on a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import complain, print_json, progress_bar
from multibox.cli.options import BackendOption, Batch, Classes, Device, Json, Metric, Precision, PrecisionOption
from multibox.errors import UsageError
from multibox.system.launcher import place

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.evaluation.evaluate import Evaluation


def evaluate(
    weights: Annotated[
        str | None, typer.Argument(metavar="[WEIGHTS]", help="Detector: a weight file or published name.")
    ] = None,
    *,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PATH", help="Data set for WEIGHTS: a folder or annotation file.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Part of the data set, such as val or 2007:test.")
    ] = None,
    classes: Classes = None,
    metric: Annotated[
        Metric,
        typer.Option("--metric", help="AP at 11 points of recall, AP as area, or COCO's mean over IoU 0.5 to 0.95."),
    ] = Metric.voc10,
    ground_truth: Annotated[
        Path | None, typer.Option("--ground-truth", metavar="PATH", help="Data set for --detections.")
    ] = None,
    detections: Annotated[
        Path | None,
        typer.Option(
            "--detections",
            metavar="PATH",
            help="Detections of any origin: COCO results, VOC result files, or a text file for each image.",
        ),
    ] = None,
    as_json: Json = False,
    device: Device = None,
    batch: Batch = 8,
    precision: PrecisionOption = None,
    backend: BackendOption = None,
) -> None:
    """Measure average precision.

    Of a detector: multibox evaluate WEIGHTS --data PATH --split NAME.
    Of detections in a file: multibox evaluate --ground-truth PATH --detections PATH.
    Processes that torchrun starts with this command share the images.
    """
    if weights is not None and data is not None and ground_truth is None and detections is None:
        result = _of_detector(
            weights,
            data,
            split=split,
            classes=classes,
            metric=metric,
            device=device,
            batch=batch,
            precision=precision,
            backend=backend,
        )
    elif ground_truth is not None and detections is not None and weights is None and data is None:
        result = _of_file(detections, ground_truth, split=split, classes=classes, metric=metric)
    else:
        raise UsageError("evaluate takes either WEIGHTS and --data, or --ground-truth and --detections")
    if not place().first:
        return
    if as_json:
        for problem in result.problems:
            complain(problem)
        print_json(result.to_json())
    else:
        print(result.table())


def _of_detector(
    weights: str,
    data: Path,
    *,
    split: str | None,
    classes: str | None,
    metric: Metric,
    device: str | None,
    batch: int,
    precision: Precision | None,
    backend: str | None,
) -> "Evaluation":
    from multibox.data.load import load_dataset
    from multibox.detection.detector import Detector
    from multibox.detection.shared import SharedDetector
    from multibox.evaluation.evaluate import evaluate
    from multibox.system.distributed import joined

    dataset = counted(load_dataset(data, split=split), classes)
    detector = Detector.load(weights, device=device, precision=precision, backend=backend, batch_size=batch)
    with joined() as processes, progress_bar("evaluating", hidden=not processes.first) as advance:
        shared = SharedDetector(detector, processes)
        return evaluate(shared, dataset, metric=metric.value, progress=advance, batch_size=batch)


def _of_file(
    detections: Path, ground_truth: Path, *, split: str | None, classes: str | None, metric: Metric
) -> "Evaluation":
    from multibox.data.load import load_dataset
    from multibox.evaluation.evaluate import evaluate
    from multibox.evaluation.results.files import read_detections

    whole = load_dataset(ground_truth, split=split)  # files may name a class by its number
    return evaluate(read_detections(detections, dataset=whole), counted(whole, classes), metric=metric.value)


def counted(dataset: "Dataset", classes: str | None) -> "Dataset":
    """The data set with the classes of `--classes` only."""
    from multibox.data.load import choose_classes

    return dataset if classes is None else choose_classes(dataset, classes=classes.split(","))
