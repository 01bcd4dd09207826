"""Options that several commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multibox.detection.engines.load import ENGINE_NAMES, PRECISIONS
from multibox.errors import UsageError
from multibox.evaluation.metrics import DEFAULT_METRIC, METRICS, find_metric
from multibox.images.settings import set_max_pixels, set_stretches_16_bits

if TYPE_CHECKING:
    from multibox.detection.detector import Detector


def split_names(text: str | None) -> list[str] | None:
    """The names of `--classes A,B` as a list."""
    return None if text is None else text.split(",")


def check_renamed(names: list[str] | None, *, detector: str | None) -> None:
    """Raise UsageError for new names of classes if no detector is given: detections have the data set's classes."""
    if names and detector is None:
        raise UsageError("--map gives other names to the classes of a detector: give WEIGHTS, or leave it out")


def check_for_detector(options: Mapping[str, object], *, detector: str | None) -> None:
    """Raise UsageError for an option about how a detector computes if none is given: detections come from a file."""
    for option, value in options.items():
        if value is not None and value is not False and detector is None:
            shown = option if value is True else f"{option} {value}"
            raise UsageError(f"{shown} is for a detector, and detections are given: leave it out")


def check_belongs(option: str, value: str | int | bool | None, *, to: str, given: bool) -> None:
    """Raise UsageError for an option that is given and means nothing without another one, which is not given."""
    if value is not None and value is not False and not given:
        shown = option if value is True else f"{option} {value}"
        raise UsageError(f"{shown} belongs to {to}: add {to}, or leave {option} out")


def _known_metric(name: str | None) -> str | None:
    return None if name is None else find_metric(name).name


def _limit_pixels(pixels: int | None) -> int | None:
    if pixels is not None:
        set_max_pixels(pixels)
    return pixels


def _stretch(wanted: bool) -> bool:
    if wanted:
        set_stretches_16_bits()
    return wanted


def in_tiles(detector: "Detector", tiles: str | None, overlap: float | None) -> "Detector":
    """The detector with --tiles and --overlap; raises UsageError for a layout that is unknown or not given."""
    if tiles is not None:
        return detector.tiled(tiles, overlap=0.2 if overlap is None else overlap)
    if overlap is not None:
        raise UsageError(f"--overlap {overlap:g} is that of tiles: give --tiles too, for example --tiles auto")
    return detector


MaxPixels = Annotated[
    int | None,
    typer.Option(
        "--max-pixels", min=1, metavar="N", callback=_limit_pixels, help="Refuse larger images; by default 120 million."
    ),
]
Stretch = Annotated[
    bool,
    typer.Option("--stretch-16-bit", callback=_stretch, help="Map the range of each 16-bit image to 0 to 255."),
]
Tiles = Annotated[
    str | None,
    typer.Option(
        "--tiles", metavar="RxC|auto", help="Also detect in tiles, R rows and C columns or what suits each image."
    ),
]
Overlap = Annotated[
    float | None,
    typer.Option("--overlap", metavar="PART", help="Part of a tile that it shares with its neighbor; by default 0.2."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for machines.")]
Device = Annotated[
    str | None,
    typer.Option("--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps; by default a CUDA GPU if there is one."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, metavar="N", help="Threads; by default one for each core.")
]
Batch = Annotated[int, typer.Option("--batch", min=1, metavar="N", help="Number of images in one batch.")]
OptionalBatch = Annotated[
    int | None, typer.Option("--batch", min=1, metavar="N", help="Number of images in one batch; by default 8.")
]
DEFAULT_BATCH = 8
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="|".join(PRECISIONS),
        help="Number type of the convolutions; by default fp32, or the one that a model was exported with.",
    ),
]
Engine = Annotated[
    str | None,
    typer.Option("--engine", metavar="|".join(ENGINE_NAMES), help="What runs the network; by default the fastest."),
]
Metric = Annotated[
    str,
    typer.Option(
        "--metric",
        metavar="|".join(metric.name for metric in METRICS),
        callback=_known_metric,
        help="Average precision. " + "; ".join(f"{metric.name}: {metric.meaning}" for metric in METRICS) + ".",
    ),
]
OptionalMetric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="|".join(metric.name for metric in METRICS),
        callback=_known_metric,
        help=f"For --check: average precision, by default {DEFAULT_METRIC}; `multibox evaluate --help` explains them.",
    ),
]
Iou = Annotated[
    float | None,
    typer.Option(
        "--iou", metavar="IOU", help="Minimum IoU of a correct detection, for voc07 and voc10; by default 0.5."
    ),
]
ClassMap = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=NEW", help="Another name for a class of the detector: cattle=cow. Repeatable."),
]
Holdout = Annotated[
    float | None,
    typer.Option("--holdout", metavar="SHARE", help="Only the images that a training with this option holds out."),
]
Classes = Annotated[
    str | None, typer.Option("--classes", metavar="A,B", help="Count only these classes of the data set.")
]

Data = Annotated[Path, typer.Option("--data", "-d", metavar="PATH", help="Data set: a folder or an annotation file.")]
OptionalData = Annotated[
    Path | None, typer.Option("--data", "-d", metavar="PATH", help="Data set: a folder or an annotation file.")
]
Split = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="Split of the data set, such as val or 2007:test.")
]
Outside = Annotated[bool, typer.Option("--outside", help="Read images that annotations name outside the data set.")]
OutFolder = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to.")]
OutFile = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of the random numbers.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change the recipe, for example schedule.iterations=2000 or model.size=416. Repeatable.",
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=0, metavar="N", help="Processes that load images.")]
MinScore = Annotated[
    float | None,
    typer.Option("--min-score", min=0, max=1, metavar="SCORE", help="Leave out detections with lower scores."),
]
