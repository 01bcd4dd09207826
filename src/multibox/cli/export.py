"""`multibox export`: a detector as one file for other engines."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from multibox.cli.console import print_json, progress_bar, say, table
from multibox.cli.options import Json, Metric
from multibox.errors import UsageError
from multibox.evaluation.metrics import DEFAULT_METRIC

if TYPE_CHECKING:
    from multibox.evaluation.evaluate import Evaluation


class Format(StrEnum):
    """Kinds of files."""

    onnx = "onnx"
    openvino = "openvino"


class ExportPrecision(StrEnum):
    """Number types of an exported model."""

    fp32 = "fp32"
    fp16 = "fp16"
    bf16 = "bf16"
    int8 = "int8"


_SUFFIXES = {Format.onnx: ".onnx", Format.openvino: ".xml"}


def export(
    weights: Annotated[str, typer.Argument(metavar="WEIGHTS", help="Weight file, or name of published weights.")],
    *,
    to: Annotated[Format, typer.Option("--format", "-f", help="For ONNX Runtime and others, or for OpenVINO.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write; by default beside the weights."),
    ] = None,
    precision: Annotated[
        ExportPrecision, typer.Option("--precision", help="Number type of the weights, and of computing where it can.")
    ] = ExportPrecision.fp32,
    batch: Annotated[
        str, typer.Option("--batch", metavar="N", help="How many images go in together; 'dynamic' leaves it open.")
    ] = "dynamic",
    raw: Annotated[
        bool, typer.Option("--raw", help="End with offsets and logits, for code that suppresses by itself.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option("--calibrate", metavar="DATA", help="For int8: data set or folder with typical images."),
    ] = None,
    calibrate_split: Annotated[
        str | None, typer.Option("--calibrate-split", metavar="NAME", help="Part of that data set.")
    ] = None,
    calibrate_images: Annotated[
        int, typer.Option("--calibrate-images", min=1, metavar="N", help="How many of them to use at most.")
    ] = 300,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="DATA", help="Measure average precision on this data set before and after."),
    ] = None,
    check_split: Annotated[
        str | None, typer.Option("--check-split", metavar="NAME", help="Part of that data set.")
    ] = None,
    metric: Metric = DEFAULT_METRIC,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Write a whole detector, from images to boxes, as a file for other engines.

    The model takes RGB images of uint8, (batch, height, width, 3), resized to its input, and gives boxes relative to
    the input, scores and labels, 200 rows for each image; rows without a detection have label -1. `multibox detect`,
    `multibox evaluate` and Detector.load take it like any weight file.
    """
    from multibox.detection.export.calibration import calibration_images
    from multibox.detection.export.onnx import export_onnx
    from multibox.detection.export.openvino import export_openvino
    from multibox.weights.source import open_weights

    number = _batch(batch)
    if (precision is ExportPrecision.int8) != (calibrate is not None):
        raise UsageError(
            f"--precision {precision.value} with{'out' * (calibrate is None)} --calibrate: int8 needs it, "
            "and nothing else does"
        )
    target = out or _beside(weights, to=to, precision=precision)
    if target.suffix != _SUFFIXES[to]:
        raise UsageError(f"--out {target} has no suffix {_SUFFIXES[to]}, which files for {to.value} have: add it")
    if target.exists() and not force:
        raise UsageError(f"{target} exists already: choose another --out or add --force")
    before = None if check is None else _measured(weights, check, split=check_split, metric=metric, title="before")
    model, info = open_weights(weights)
    images = []
    if calibrate is not None:
        images = calibration_images(
            calibrate, input_size=model.config.input_size, split=calibrate_split, limit=calibrate_images
        )
    write = export_onnx if to is Format.onnx else export_openvino
    write(model, target, info=info, precision=precision.value, batch=number, raw=raw, images=images)
    result: dict[str, Any] = {"file": str(target), "precision": precision.value, "batch": number, "raw": raw}
    say(f"wrote {target}")
    if before is not None and check is not None:
        after = _measured(target, check, split=check_split, metric=metric, title="after")
        result["check"] = {"before": before.to_json(), "after": after.to_json()}
        if not as_json:
            print(_side_by_side(before, after))
    if as_json:
        print_json(result)


def _batch(text: str) -> int | None:
    if text == "dynamic":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--batch is {text!r}: give a number from 1 up, or 'dynamic'")
    return int(text)


def _beside(weights: str, *, to: Format, precision: ExportPrecision) -> Path:
    """runs/best.safetensors as runs/best.onnx, runs/best-int8.xml; published weights in the current folder."""
    path = Path(weights)
    stem = path.stem if path.is_file() else path.name
    ending = "" if precision is ExportPrecision.fp32 else f"-{precision.value}"
    return path.with_name(stem + ending + _SUFFIXES[to])


def _measured(source: str | Path, data: Path, *, split: str | None, metric: str, title: str) -> "Evaluation":
    from multibox.data.load import load_dataset
    from multibox.detection.detector import Detector
    from multibox.evaluation.evaluate import evaluate

    detector = Detector.load(source, device="cpu")
    say(f"{title}: {detector.engine}")
    with progress_bar(title) as advance:
        return evaluate(detector, load_dataset(data, split=split), metric=metric, progress=advance)


def _side_by_side(before: "Evaluation", after: "Evaluation") -> str:
    rows: list[tuple[str, ...]] = [("AP %", "before", "after", "change")]
    for name in (*before.class_names, "mean"):
        one, other = (before.mean, after.mean) if name == "mean" else (before.ap[name], after.ap[name])
        rows.append((name, f"{100 * one:.2f}", f"{100 * other:.2f}", f"{100 * (other - one):+.2f}"))
    return table(rows)
