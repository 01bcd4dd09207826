"""A detector as an ONNX file that runs without multibox."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from multibox.detection.export.network import POSTPROCESS_PREFIX, Boxes, Network, Postprocess
from multibox.errors import UsageError
from multibox.models.layers import has_norm
from multibox.models.ssd import SSD
from multibox.system.atomic import atomic_file
from multibox.weights.exported import BOXES_OUTPUTS, INPUT, KEY, OUTPUTS, RAW_OUTPUTS, End, Exported
from multibox.words import pip_install

if TYPE_CHECKING:
    from onnx import ModelProto

_OPSET = 18


def export_onnx(
    model: SSD,
    path: Path | str,
    *,
    info: dict[str, Any] | None = None,
    precision: str = "fp32",
    batch: int | None = None,
    end: End = "detections",
    images: Sequence[UInt8[np.ndarray, "h w 3"]] = (),
) -> None:
    """Write a detector that takes uint8 RGB images (B, H, W, 3) at the input size.

    Its outputs are OUTPUTS_OF_END[end]: detections, the boxes and scores of all priors, or offsets and logits. A model
    that ends with boxes and has a fixed `batch` B consists of operations that every runtime has.

    `precision` "fp16" and "bf16" store the weights in that type; engines may compute in another. "int8" quantizes and
    needs `images` at the input size for calibration. Raises UsageError if a package of the extra `export` is missing.
    """
    import_onnx()
    graph = _whole_graph(model, precision=precision, batch=batch, end=end, images=images)
    exported = Exported.of(model, info=info or {}, precision=precision, end=end, batch=batch)
    entry = graph.metadata_props.add()
    entry.key, entry.value = KEY, exported.to_text()
    with atomic_file(Path(path)) as file:
        file.write(graph.SerializeToString())


def _whole_graph(
    model: SSD, *, precision: str, batch: int | None, end: End, images: Sequence[UInt8[np.ndarray, "h w 3"]]
) -> "ModelProto":
    """The network in its precision, joined with what follows it."""
    static = batch if precision != "int8" or batch == 1 else None  # calibration images go in one by one
    graph = network_graph(model, batch=static)
    if precision == "int8":
        from multibox.detection.export.quantize import quantize_onnx

        graph = quantize_onnx(graph, images, has_norm=has_norm(model))
    rest = rest_graph(model, end=end, batch=static)
    if rest is not None:
        graph = _joined(graph, rest)
    if end == "boxes" and static is not None and precision != "int8":
        from multibox.detection.export.plain import to_plain
        from multibox.detection.export.seen import crop_kernels

        crop_kernels(graph)
        if precision != "bf16":
            to_plain(graph)
    if precision in ("fp16", "bf16"):
        from multibox.detection.export.narrow import narrow_weights

        narrow_weights(graph, precision)
    _set_batch(graph, batch)
    return graph


def import_onnx() -> None:
    """Raise UsageError if a package that writes ONNX is missing."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as missing:
        raise UsageError(
            f"export needs the package {missing.name}: {pip_install('onnx', 'onnxscript', 'onnxruntime')}"
        ) from None


def network_graph(model: SSD, *, batch: int | None = None) -> "ModelProto":
    """Images to offsets and logits; with a `batch` all shapes in the graph are constants."""
    height, width = model.config.input_size
    images = torch.zeros(batch or 2, height, width, 3, dtype=torch.uint8)
    return _graph(Network(model), {INPUT: images}, outputs=RAW_OUTPUTS, dynamic=batch is None)


def rest_graph(model: SSD, *, end: End, batch: int | None = None) -> "ModelProto | None":
    """What follows the network: offsets and logits to boxes and scores, or to detections; None for a raw model.

    Raises UsageError for detections if the threshold of suppression is not constant.
    """
    if end == "raw":
        return None
    if end == "detections":
        check_selection(model)
    fixed = batch if end == "boxes" else None
    count = model.config.priors.count
    offsets, logits = (torch.zeros(fixed or 2, count, n) for n in (4, len(model.class_names) + 1))
    rest, outputs = (Boxes(model), BOXES_OUTPUTS) if end == "boxes" else (Postprocess(model), OUTPUTS)
    return _graph(rest.cpu(), {"offsets": offsets, "logits": logits}, outputs=outputs, dynamic=fixed is None)


def check_selection(model: SSD) -> None:
    """Raise UsageError if the threshold of suppression is not constant."""
    if model.config.detection.eta < 1:
        raise UsageError(
            f"suppression in {model.config.name} has eta {model.config.detection.eta:g}, which changes its threshold "
            "after every box, and exported models cannot do that: add --end boxes, so that the caller suppresses"
        )


def _graph(module: nn.Module, inputs: dict[str, Tensor], *, outputs: tuple[str, ...], dynamic: bool) -> "ModelProto":
    from multibox.detection.export.onnx_nodes import select

    shapes = {name: {0: torch.export.Dim("batch")} if dynamic else {} for name in inputs}
    with _quiet(), torch.inference_mode():
        program = torch.export.export(module.eval(), (), kwargs=inputs, dynamic_shapes=shapes, strict=False)
        exported = torch.onnx.export(
            program,
            kwargs=inputs,
            input_names=list(inputs),
            output_names=outputs,
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
            custom_translation_table={torch.ops.multibox.select.default: select},
        )
    assert exported is not None
    return exported.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's warnings about packages that are not needed here and about its own future."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _joined(network: "ModelProto", postprocess: "ModelProto") -> "ModelProto":
    from onnx import compose, helper

    own_names = compose.add_prefix(postprocess, POSTPROCESS_PREFIX, rename_inputs=False, rename_outputs=False)
    own_names.ir_version = network.ir_version
    for graph in (network, own_names):  # the exporter names the default domain twice
        del graph.opset_import[:]
        graph.opset_import.append(helper.make_opsetid("", _OPSET))
    return compose.merge_models(network, own_names, io_map=[(name, name) for name in RAW_OUTPUTS])


def _set_batch(graph: "ModelProto", batch: int | None) -> None:
    """Name the first dimension of inputs and outputs, or fix it."""
    for value in (*graph.graph.input, *graph.graph.output):
        first = value.type.tensor_type.shape.dim[0]
        if batch is None:
            first.dim_param = "batch"
        else:
            first.dim_value = batch
