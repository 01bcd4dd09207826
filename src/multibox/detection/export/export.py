"""Weights as an exported model: the table of formats, and the way from a weight file to a file of one of them.

This module imports no format until it is used, so that the command line can read the table quickly.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from multibox.errors import UsageError

PRECISIONS = ("fp32", "fp16", "bf16", "int8")


@dataclass(frozen=True)
class ExportFormat:
    """A kind of exported model; `module` is the file in this folder that writes it, `writer` the function."""

    name: str
    suffix: str
    module: str
    writer: str


FORMATS = (
    ExportFormat("onnx", ".onnx", "onnx", "export_onnx"),
    ExportFormat("openvino", ".xml", "openvino", "export_openvino"),
)
FORMAT_NAMES = tuple(format.name for format in FORMATS)


def export(
    weights: Path | str,
    *,
    format: str,
    out: Path | str | None = None,
    precision: str = "fp32",
    batch: int | None = None,
    raw: bool = False,
    calibrate: Path | str | None = None,
    calibrate_split: str | None = None,
    calibrate_images: int = 300,
    force: bool = False,
) -> Path:
    """Write a whole detector, from images to boxes, as a file for other engines; returns the path of the file.

    `weights` is a weight file or the name of published weights. Without `out` the file is written beside the weights.
    `precision` is one of PRECISIONS; "int8" needs `calibrate`, a data set or a folder of typical images; at most
    `calibrate_images` are used. `batch` fixes the number of images that go in together. A `raw` model ends with offsets
    and logits instead of detections. `force` replaces an existing file. Raises UsageError for arguments that do not go
    together and for missing packages, and the errors of reading weights and images.
    """
    from multibox.detection.export.calibration import calibration_images
    from multibox.weights.source import open_weights

    kind = find_format(format)
    _check_precision(precision, calibrated=calibrate is not None)
    path = export_path(weights, out, format=kind, precision=precision)
    if path.exists() and not force:
        raise UsageError(f"{path} exists already: choose another --out or add --force")
    model, info = open_weights(weights)
    images = []
    if calibrate is not None:
        images = calibration_images(
            calibrate, input_size=model.config.input_size, split=calibrate_split, limit=calibrate_images
        )
    write = getattr(import_module(f"{__package__}.{kind.module}"), kind.writer)
    write(model, path, info=info, precision=precision, batch=batch, raw=raw, images=images)
    return path


def find_format(name: str) -> ExportFormat:
    """The format with this name; raises UsageError for an unknown name."""
    for format in FORMATS:
        if format.name == name:
            return format
    raise UsageError(f"format {name!r} is not known: choose {' or '.join(FORMAT_NAMES)}")


def export_path(weights: Path | str, out: Path | str | None, *, format: ExportFormat, precision: str) -> Path:
    """`out`, or a file beside the weights: runs/best.onnx, runs/best-int8.xml; published weights get ./NAME.onnx.

    Raises UsageError if `out` has another suffix than the format.
    """
    if out is None:
        path = Path(weights)
        stem = path.stem if path.is_file() else path.name
        return path.with_name(stem + ("" if precision == "fp32" else f"-{precision}") + format.suffix)
    if Path(out).suffix != format.suffix:
        raise UsageError(f"--out {out} has no suffix {format.suffix}, which files for {format.name} have: add it")
    return Path(out)


def _check_precision(precision: str, *, calibrated: bool) -> None:
    if precision not in PRECISIONS:
        raise UsageError(f"precision {precision!r} is not known: choose one of {', '.join(PRECISIONS)}")
    if (precision == "int8") != calibrated:
        raise UsageError(
            f"--precision {precision} with{'' if calibrated else 'out'} --calibrate: int8 needs it, others do not"
        )
