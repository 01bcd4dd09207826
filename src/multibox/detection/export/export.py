"""Weights as an exported model: the table of formats, and the way from a weight file to a file of one of them.

This module imports no format until it is used, so that the command line can read the table quickly.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from multibox.errors import UsageError

if TYPE_CHECKING:
    from multibox.models.ssd import SSD

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
ENDS = ("detections", "boxes", "raw")
DYNAMIC: Literal["dynamic"] = "dynamic"

Batch = int | Literal["dynamic"] | None


@dataclass(frozen=True)
class ExportFormat:
    """A kind of exported model; `module` is the file in this folder that writes it, `writer` the function.

    A `suffix` without a dot is the end of the name of a folder.

    `ends` are those that it can have, the default first. A format that is not `dynamic` has a fixed number of images.
    """

    name: str
    suffix: str
    module: str
    writer: str
    ends: tuple[str, ...] = ENDS
    precisions: tuple[str, ...] = PRECISIONS
    dynamic: bool = True


FORMATS = (
    ExportFormat("onnx", ".onnx", "onnx", "export_onnx"),
    ExportFormat("openvino", ".xml", "openvino", "export_openvino"),
    ExportFormat(
        "litert",
        ".tflite",
        "litert",
        "export_litert",
        ends=("boxes", "raw"),
        precisions=("fp32", "fp16", "int8"),
        dynamic=False,
    ),
    ExportFormat("web", "-web", "web", "export_web", ends=("boxes",), precisions=("fp32", "fp16"), dynamic=False),
)
FORMAT_NAMES = tuple(format.name for format in FORMATS)


def export(
    weights: Path | str,
    *,
    format: str,
    out: Path | str | None = None,
    end: str | None = None,
    precision: str = "fp32",
    batch: Batch = None,
    priors: Path | str | None = None,
    description: Path | str | None = None,
    runtime: Path | str | None = None,
    calibrate: Path | str | None = None,
    calibrate_split: str | None = None,
    calibrate_images: int = 300,
    force: bool = False,
) -> Path:
    """Write a detector as a file for other engines; returns the path of the file.

    `weights` is a weight file or the name of published weights. Without `out` the file is written beside the weights.
    `end` is what the model returns: "detections"; "boxes", the boxes and scores of all priors, for a selection outside;
    or "raw", offsets and logits. `priors` is a JSON file for the priors and variances that decode a raw model,
    `description` one for class names, input and thresholds, for programs that cannot read them in the model. The format
    "web" is a folder with a page; `runtime` is the folder of the npm package onnxruntime-web, whose files it needs.
    `precision` is one of PRECISIONS; "int8" needs `calibrate`, a data set or a folder of typical images; at most
    `calibrate_images` are used. `batch` is the number of images that go in together, "dynamic" for any number; by
    default it is 1 for a model that ends with boxes and dynamic for others. `force` replaces an existing file. Raises
    UsageError for arguments that do not go together and for missing packages, and the errors of reading weights and
    images.
    """
    from multibox.detection.export.beside import write_prior_values, write_summary
    from multibox.detection.export.runtime import copy_runtime, runtime_files
    from multibox.weights.source import open_weights

    kind = find_format(format)
    end = kind.ends[0] if end is None else end
    _check(kind, end=end, precision=precision, batch=batch, calibrated=calibrate is not None)
    _check_beside(priors, description, end=end)
    ort = [] if runtime is None else runtime_files(runtime, format=kind.name)
    path = export_path(weights, out, format=kind, end=end, precision=precision)
    _check_new((path, priors, description), force=force)
    model, info = open_weights(weights)
    images = _images(model, calibrate, split=calibrate_split, limit=calibrate_images)
    write = getattr(import_module(f"{__package__}.{kind.module}"), kind.writer)
    size = fixed_batch(batch, end=end, kind=kind)
    write(model, path, info=info, precision=precision, batch=size, end=end, images=images)
    copy_runtime(ort, path)
    if priors is not None:
        write_prior_values(Path(priors), model.coder)
    if description is not None:
        write_summary(Path(description), model, precision=precision, end=end)
    return path


def fixed_batch(batch: Batch, *, end: str, kind: ExportFormat) -> int | None:
    """The number of images that a model takes, None for any number."""
    if batch is None:
        return 1 if end == "boxes" or not kind.dynamic else None
    return None if batch == DYNAMIC else batch


def find_format(name: str) -> ExportFormat:
    """The format with this name; raises UsageError for an unknown name."""
    for format in FORMATS:
        if format.name == name:
            return format
    raise UsageError(f"format {name!r} is not known: choose one of {', '.join(FORMAT_NAMES)}")


def export_path(weights: Path | str, out: Path | str | None, *, format: ExportFormat, end: str, precision: str) -> Path:
    """`out`, or a file beside the weights: runs/best.onnx, runs/best-boxes-int8.xml; published weights get ./NAME.onnx.

    Raises UsageError if `out` has another suffix than the format.
    """
    if out is None:
        path = Path(weights)
        words = [path.stem if path.is_file() else path.name]
        words += [word for word, usual in ((end, format.ends[0]), (precision, "fp32")) if word != usual]
        return path.with_name("-".join(words) + format.suffix)
    if format.suffix.startswith(".") and Path(out).suffix != format.suffix:
        raise UsageError(f"--out {out} has no suffix {format.suffix}, which files for {format.name} have: add it")
    return Path(out)


def _check_new(files: Iterable[Path | str | None], *, force: bool) -> None:
    """Raise UsageError for the first file that already exists, unless it may be replaced."""
    for file in files:
        if file is not None and Path(file).exists() and not force:
            raise UsageError(f"{file} already exists: choose another --out or add --force")


def _images(model: "SSD", source: Path | str | None, *, split: str | None, limit: int) -> list[Any]:
    if source is None:
        return []
    from multibox.detection.export.calibration import calibration_images

    return calibration_images(source, input_size=model.config.input_size, split=split, limit=limit)


def _check(kind: ExportFormat, *, end: str, precision: str, batch: Batch, calibrated: bool) -> None:
    """Raise UsageError for arguments that do not go together."""
    for option, value, known in (("end", end, kind.ends), ("precision", precision, kind.precisions)):
        if value not in known:
            hint = ", from which the Detector selects the same detections" if value == "detections" else ""
            raise UsageError(f"--{option} {value!r} is not known for {kind.name}: choose {' or '.join(known)}{hint}")
    if precision == "int8" and not calibrated:
        raise UsageError("--precision int8 needs typical images: add --calibrate with a data set or a folder of images")
    if calibrated and precision != "int8":
        raise UsageError(f"--calibrate is for int8, and --precision is {precision}: leave it out, or choose int8")
    if batch not in (None, DYNAMIC) and not (isinstance(batch, int) and 1 <= batch <= 4096):
        raise UsageError(f"--batch {batch} is not possible: give a number from 1 to 4096, or {DYNAMIC}")
    if batch == DYNAMIC and not kind.dynamic:
        raise UsageError(f"--batch {DYNAMIC} is not possible for {kind.name}: give a number of images")


def _check_beside(priors: Path | str | None, description: Path | str | None, *, end: str) -> None:
    """Raise UsageError for JSON files that do not fit the model."""
    if priors is not None and end != "raw":
        raise UsageError(f"--priors with --end {end}: this model decodes its boxes itself, only --end raw needs priors")
    for option, file in (("priors", priors), ("description", description)):
        if file is not None and Path(file).suffix != ".json":
            raise UsageError(f"--{option} {file} has no suffix .json: add it")
