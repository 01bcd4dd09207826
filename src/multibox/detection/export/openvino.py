"""A detector as an OpenVINO model: two files, .xml and .bin."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from multibox.detection.engines.openvino_core import import_openvino, openvino_core
from multibox.detection.export.onnx import check_selection, import_onnx, network_graph, rest_graph
from multibox.detection.export.openvino_select import selection
from multibox.errors import UsageError
from multibox.models.layers import has_norm
from multibox.models.ssd import SSD
from multibox.system.atomic import unfinished_folder
from multibox.weights.exported import KEY, OUTPUTS_OF_END, End, Exported

if TYPE_CHECKING:
    from onnx import ModelProto
    from openvino import Model


def export_openvino(
    model: SSD,
    path: Path | str,
    *,
    info: dict[str, Any] | None = None,
    precision: str = "fp32",
    batch: int | None = None,
    end: End = "detections",
    images: Sequence[UInt8[np.ndarray, "h w 3"]] = (),
) -> None:
    """Write a detector to `path`, which ends with .xml, and its weights to a .bin file beside it.

    Arguments and errors are those of `export_onnx`. "fp16" and "bf16" store the weights in 16 bits; a "bf16" model also
    computes in bfloat16.
    """
    path = Path(path)
    if path.suffix != ".xml":
        raise UsageError(f"an OpenVINO model cannot be written to {path}: choose a name that ends with .xml")
    network = openvino_model(model, precision=precision, batch=batch, end=end, images=images)
    exported = Exported.of(model, info=info or {}, precision=precision, end=end, batch=batch)
    network.set_rt_info(exported.to_text(), [KEY])
    _save(network, path, narrow=precision in ("fp16", "bf16"))


def openvino_model(
    model: SSD,
    *,
    precision: str = "fp32",
    batch: int | None = None,
    end: End = "detections",
    images: Sequence[UInt8[np.ndarray, "h w 3"]] = (),
) -> "Model":
    """The same model in memory, without metadata."""
    import_onnx()
    import_openvino()
    network = _read(network_graph(model))
    if precision == "int8":
        from multibox.detection.export.quantize import quantize_openvino

        network = quantize_openvino(network, images, has_norm=has_norm(model))
    if end != "raw":
        network = _joined(_results(network), openvino_rest(model, end=end), inputs=network.get_parameters())
    _name_outputs(network, OUTPUTS_OF_END[end])
    if batch is not None:
        network.reshape([batch, *model.config.input_size, 3])
    return network


def _read(graph: "ModelProto") -> "Model":
    return openvino_core().read_model(graph.SerializeToString())


def _name_outputs(network: "Model", names: tuple[str, ...]) -> None:
    for result, name in zip(network.get_results(), names, strict=True):
        result.output(0).tensor.set_names({name})


def openvino_rest(model: SSD, *, end: End) -> "Model":
    """What follows the network: offsets and logits to boxes and scores, or to detections; errors as in `rest_graph`."""
    if end == "detections":
        check_selection(model)
    rest = rest_graph(model, end="boxes")
    assert rest is not None
    boxes = _read(rest)
    if end == "boxes":
        return boxes
    selected = selection(model.config, classes=len(model.class_names))
    offsets, logits = boxes.get_parameters()
    return _joined([_results(boxes)[0], logits.output(0)], selected, inputs=[offsets, logits])


def _results(network: "Model") -> list[Any]:
    return [result.input_value(0) for result in network.get_results()]


def _joined(sources: list[Any], rest: "Model", *, inputs: list[Any]) -> "Model":
    """Connect values of a network to the inputs of what follows it, in order."""
    for source, parameter in zip(sources, rest.get_parameters(), strict=True):
        for target in parameter.output(0).get_target_inputs():
            target.replace_source_output(source)
    return import_openvino().Model(rest.get_results(), inputs, "multibox")


def _save(network: "Model", path: Path, *, narrow: bool) -> None:
    """Write both files completely before either replaces an older one."""
    with unfinished_folder(path) as folder:
        unfinished = folder / path.name
        try:
            import_openvino().save_model(network, unfinished, compress_to_fp16=narrow)
        except RuntimeError as problem:  # OpenVINO does not say why a file cannot be written
            reason = str(problem).strip().split("\n")[-1]
            raise OSError(errno.EIO, f"OpenVINO cannot write it, is the disk full? ({reason})", str(path)) from None
        os.replace(unfinished.with_suffix(".bin"), path.with_suffix(".bin"))
        os.replace(unfinished, path)
