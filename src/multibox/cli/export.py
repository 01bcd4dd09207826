"""`multibox export`: a detector as one file for other engines."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from multibox.cli.console import print_json, say
from multibox.cli.export_check import prepare_check
from multibox.cli.options import Classes, ClassMap, Force, Json, OptionalMetric, check_belongs
from multibox.detection.export.export import DYNAMIC, ENDS, FORMAT_NAMES, PRECISIONS
from multibox.errors import UsageError


def export(
    weights: Annotated[str, typer.Argument(metavar="WEIGHTS", help="Weight file, or name of published weights.")],
    *,
    to: Annotated[str, typer.Option("--format", "-f", metavar="|".join(FORMAT_NAMES), help="Kind of file to write.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="File to write; by default beside the weights.")
    ] = None,
    precision: Annotated[
        str,
        typer.Option("--precision", metavar="|".join(PRECISIONS), help="Number type of the weights and convolutions."),
    ] = "fp32",
    end: Annotated[
        str | None,
        typer.Option(
            "--end",
            metavar="|".join(ENDS),
            help="What the model returns: detections; boxes and scores of all priors; or offsets and logits.",
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option("--batch", metavar="N|dynamic", help="Images in one batch; by default 1 for boxes, else any."),
    ] = None,
    priors: Annotated[
        Path | None, typer.Option("--priors", metavar="FILE", help="For --end raw: JSON file for priors and variances.")
    ] = None,
    description: Annotated[
        Path | None,
        typer.Option("--description", metavar="FILE", help="JSON file for class names, input and thresholds."),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option("--runtime", metavar="DIR", help="For --format web: the npm package onnxruntime-web."),
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option("--calibrate", metavar="PATH", help="For int8: data set or folder with typical images."),
    ] = None,
    calibrate_split: Annotated[
        str | None, typer.Option("--calibrate-split", metavar="NAME", help="Split of that data set.")
    ] = None,
    calibrate_images: Annotated[
        int | None,
        typer.Option("--calibrate-images", min=1, metavar="N", help="Most calibration images; by default 300."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="PATH", help="Measure average precision on this data set before and after."),
    ] = None,
    check_split: Annotated[
        str | None, typer.Option("--check-split", metavar="NAME", help="Split of that data set.")
    ] = None,
    classes: Classes = None,
    names: ClassMap = None,
    metric: OptionalMetric = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a detector as a file for other engines.

    The model takes RGB images of uint8, (batch, height, width, 3), resized to its input. With --end detections it
    returns boxes relative to the input, scores, labels and priors in 200 rows for each image; unfilled rows have label
    -1. With --end boxes it returns the boxes and scores of all priors, in operations that every runtime has.
    `multibox detect`, `multibox evaluate` and Detector.load accept the file like weights.
    """
    from multibox.detection.export.export import export

    check_belongs("--calibrate-split", calibrate_split, to="--calibrate", given=calibrate is not None)
    check_belongs("--calibrate-images", calibrate_images, to="--calibrate", given=calibrate is not None)
    checked = prepare_check(weights, check, split=check_split, classes=classes, renamed=names, metric=metric)
    target = export(
        weights,
        format=to,
        out=out,
        end=end,
        precision=precision,
        batch=_batch(batch),
        priors=priors,
        description=description,
        runtime=runtime,
        calibrate=calibrate,
        calibrate_split=calibrate_split,
        calibrate_images=calibrate_images or 300,
        force=force,
    )
    say(_written(target, runtime=runtime))
    measured = {} if checked is None else checked.measure(weights, target, shown=not as_json)
    if as_json:
        print_json({"file": str(target), "precision": precision, "batch": batch, "end": end, **measured})


def _written(target: Path, *, runtime: Path | None) -> str:
    if target.is_dir() and runtime is None:
        return (
            f"wrote {target}; the page also needs ort/ from onnxruntime-web: run `npm install onnxruntime-web` and add "
            "--runtime node_modules/onnxruntime-web, or copy the three files that the documentation names"
        )
    return f"wrote {target}"


def _batch(text: str | None) -> int | Literal["dynamic"] | None:
    """A number, or the word "dynamic"; raises UsageError for anything else."""
    if text is None or text == DYNAMIC:
        return text
    if not text.isdecimal():
        raise UsageError(f"--batch {text!r} is not possible: give a number, or {DYNAMIC}")
    return int(text)
