"""`multibox export`: a detector as one file for other engines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from multibox.cli.console import print_json, progress_bar, say, table
from multibox.cli.options import Force, Json, OptionalMetric, check_belongs
from multibox.detection.export.export import DYNAMIC, ENDS, FORMAT_NAMES, PRECISIONS
from multibox.errors import UsageError
from multibox.evaluation.metrics import DEFAULT_METRIC

if TYPE_CHECKING:
    from multibox.evaluation.evaluate import Evaluation


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
    check_belongs("--check-split", check_split, to="--check", given=check is not None)
    check_belongs("--metric", metric, to="--check", given=check is not None)
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
    measured = {} if check is None else _checked(weights, target, check, check_split, metric, shown=not as_json)
    if as_json:
        print_json({"file": str(target), "precision": precision, "batch": batch, "end": end, **measured})


def _checked(
    weights: str, target: Path, data: Path, split: str | None, metric: str | None, *, shown: bool
) -> dict[str, dict[str, Any]]:
    """The entry "check", average precision before and after; prints both if they are to be shown."""
    model = _model(target)
    before, after = (_measured(file, data, split=split, metric=metric or DEFAULT_METRIC) for file in (weights, model))
    if shown:
        print(_side_by_side(before, after))
    return {"check": {"before": before.to_json(), "after": after.to_json()}}


def _model(target: Path) -> Path:
    """The model itself, which is inside the folder of a web page."""
    return target / "model.onnx" if target.is_dir() else target


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


def _measured(source: str | Path, data: Path, *, split: str | None, metric: str) -> "Evaluation":
    from multibox.data.load import load_dataset
    from multibox.detection.detector import Detector
    from multibox.evaluation.evaluate import evaluate

    detector = Detector.load(source, device="cpu")
    say(f"evaluating {source} with {detector.engine.config.description}")
    with progress_bar("evaluating") as advance:
        return evaluate(detector, load_dataset(data, split=split), metric=metric, progress=advance)


def _side_by_side(before: "Evaluation", after: "Evaluation") -> str:
    rows: list[tuple[str, ...]] = [("AP %", "before", "after", "change")]
    for name in (*before.class_names, "mean"):
        one, other = (before.mean, after.mean) if name == "mean" else (before.ap[name], after.ap[name])
        rows.append((name, f"{100 * one:.2f}", f"{100 * other:.2f}", f"{100 * (other - one):+.2f}"))
    return table(rows)
