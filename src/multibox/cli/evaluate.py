"""`multibox evaluate`: how good a detector, or a file of detections, is on a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.cli.console import complain, print_json, progress_bar
from multibox.cli.default_split import say_default_split
from multibox.cli.options import (
    DEFAULT_BATCH,
    Classes,
    ClassMap,
    Data,
    Device,
    Engine,
    Holdout,
    Iou,
    Json,
    MaxPixels,
    Metric,
    OptionalBatch,
    Overlap,
    Precision,
    Split,
    Stretch,
    Tiles,
    check_for_detector,
    check_renamed,
    in_tiles,
    split_names,
)
from multibox.cli.scored_data import scored_data
from multibox.errors import UsageError
from multibox.evaluation.metrics import DEFAULT_METRIC, find_metric
from multibox.system.launcher import place

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.detection.detector import Detector
    from multibox.evaluation.evaluate import Evaluation

DETECTIONS_HELP = (
    "Detections from any program: COCO results, VOC result files, a text file for each image, or the Parquet files of "
    "`multibox batch`."
)


def evaluate(
    weights: Annotated[
        str | None, typer.Argument(metavar="WEIGHTS", help="Detector: a weight file or a published name.")
    ] = None,
    *,
    data: Data,
    split: Split = None,
    holdout: Holdout = None,
    classes: Classes = None,
    names: ClassMap = None,
    metric: Metric = DEFAULT_METRIC,
    iou: Iou = None,
    detections: Annotated[
        str | None, typer.Option("--detections", metavar="PATH", help=f"Instead of WEIGHTS. {DETECTIONS_HELP}")
    ] = None,
    tiles: Tiles = None,
    overlap: Overlap = None,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
    device: Device = None,
    batch: OptionalBatch = None,
    precision: Precision = None,
    engine: Engine = None,
) -> None:
    """Measure the average precision of a detector, or of detections in a file.

    A detector: multibox evaluate WEIGHTS --data PATH.
    Detections in a file: multibox evaluate --data PATH --detections FILE.
    Processes that torchrun starts with this command share the images.
    """
    find_metric(metric, iou=iou)
    check_renamed(names, detector=weights)
    asked = {"--tiles": tiles, "--overlap": overlap, "--device": device, "--precision": precision, "--engine": engine}
    images = {"--batch": batch, "--stretch-16-bit": stretch}
    check_for_detector(asked | images | {"--holdout": holdout}, detector=weights if detections else "")
    if weights is not None and detections is None:
        from multibox.detection.detector import Detector  # not for detections in a file: PyTorch takes a second

        dataset = scored_data(data, split=split, holdout=holdout, classes=split_names(classes))
        detector = Detector.load(
            weights, device=device, precision=precision, engine=engine, batch_size=batch or DEFAULT_BATCH
        )
        detector.rename_classes(names or [])
        detector = in_tiles(detector, tiles, overlap)
        result = _of_detector(detector, dataset, metric=metric, iou=iou, batch=batch or DEFAULT_BATCH)
    elif detections is not None and weights is None:
        result = _of_file(detections, data, split=split, classes=split_names(classes), metric=metric, iou=iou)
    else:
        raise UsageError("evaluate takes either WEIGHTS or --detections: give one of them")
    if place().first:
        _print(result, as_json=as_json)


def _of_detector(
    detector: "Detector", dataset: "Dataset", *, metric: str, iou: float | None, batch: int
) -> "Evaluation":
    from multibox.detection.distributed import DistributedDetector
    from multibox.evaluation.evaluate import evaluate
    from multibox.system.distributed import joined

    with joined() as processes, progress_bar("evaluating", hidden=not processes.first) as advance:
        shared = DistributedDetector(detector, processes)
        return evaluate(shared, dataset, metric=metric, iou=iou, progress=advance, batch_size=batch)


def _of_file(
    detections: str, data: Path, *, split: str | None, classes: list[str] | None, metric: str, iou: float | None
) -> "Evaluation":
    from multibox.data.load import choose_classes, load_dataset
    from multibox.evaluation.evaluate import evaluate
    from multibox.evaluation.results.files import read_detections

    whole = load_dataset(data, split=split)  # files may number the classes of the whole data set
    say_default_split(data, whole.name, split=split)
    found = read_detections(detections, dataset=whole)
    return evaluate(found, choose_classes(whole, classes=classes), metric=metric, iou=iou)


def _print(result: "Evaluation", *, as_json: bool) -> None:
    if not as_json:
        print(result.table())
        return
    for problem in result.problems:
        complain(problem)
    print_json(result.to_json())
