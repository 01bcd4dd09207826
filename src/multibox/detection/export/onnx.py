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

from multibox.detection.export.network import INPUT, OUTPUTS, POSTPROCESS_PREFIX, RAW_OUTPUTS, Network, Postprocess
from multibox.errors import UsageError
from multibox.models.layers import L2Norm
from multibox.models.ssd import SSD
from multibox.system.atomic import atomic_file
from multibox.weights.exported import KEY, Exported

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
    raw: bool = False,
    images: Sequence[UInt8[np.ndarray, "h w 3"]] = (),
) -> None:
    """Write the whole detector, from uint8 RGB images (B, H, W, 3) at the input size to OUTPUTS.

    `precision` "fp16" and "bf16" store the weights in that type; engines may compute in another. "int8" quantizes and
    needs `images` at the input size for calibration. `batch` fixes B. A `raw` model ends with offsets and logits, for
    programs with a suppression of their own. Raises UsageError if the packages of multibox[export] are missing.
    """
    import_onnx()
    network = network_graph(model)
    if precision == "int8":
        from multibox.detection.export.quantize import quantize_onnx

        network = quantize_onnx(network, images, has_norm=isinstance(model.norm, L2Norm))
    graph = network if raw else _joined(network, postprocess_graph(model))
    if precision in ("fp16", "bf16"):
        from multibox.detection.export.narrow import narrow_weights

        narrow_weights(graph, precision)
    _set_batch(graph, batch)
    exported = Exported.of(model, info=info or {}, precision=precision, raw=raw, batch=batch)
    entry = graph.metadata_props.add()
    entry.key, entry.value = KEY, exported.to_text()
    with atomic_file(Path(path)) as file:
        file.write(graph.SerializeToString())


def import_onnx() -> None:
    """Raise UsageError if a package that writes ONNX is missing."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as missing:
        raise UsageError(
            f"export needs the package {missing.name}: install it with `pip install 'multibox[export]'`"
        ) from None


def network_graph(model: SSD) -> "ModelProto":
    """Images to offsets and logits."""
    height, width = model.config.input_size
    images = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    return _graph(Network(model), {INPUT: images}, outputs=RAW_OUTPUTS)


def postprocess_graph(model: SSD) -> "ModelProto":
    """Offsets and logits to detections. Raises UsageError if the threshold of suppression is not constant."""
    if model.config.detection.eta < 1:
        raise UsageError(
            f"suppression in {model.config.name} has eta {model.config.detection.eta:g}, which changes its threshold "
            "after every box, and exported models cannot do that: export offsets and logits, without suppression"
        )
    offsets = torch.zeros(2, model.config.priors.count, 4)
    logits = torch.zeros(2, model.config.priors.count, len(model.class_names) + 1)
    return _graph(Postprocess(model).cpu(), {"offsets": offsets, "logits": logits}, outputs=OUTPUTS)


def _graph(module: nn.Module, inputs: dict[str, Tensor], *, outputs: tuple[str, ...]) -> "ModelProto":
    from multibox.detection.export.onnx_nodes import select

    dynamic = {name: {0: torch.export.Dim("batch")} for name in inputs}
    with _quiet(), torch.inference_mode():
        program = torch.export.export(module.eval(), (), kwargs=inputs, dynamic_shapes=dynamic, strict=False)
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
    from onnx import compose

    own_names = compose.add_prefix(postprocess, POSTPROCESS_PREFIX, rename_inputs=False, rename_outputs=False)
    own_names.ir_version = network.ir_version
    del own_names.opset_import[:]
    own_names.opset_import.extend(network.opset_import)
    return compose.merge_models(network, own_names, io_map=[(name, name) for name in RAW_OUTPUTS])


def _set_batch(graph: "ModelProto", batch: int | None) -> None:
    """Name the first dimension of inputs and outputs, or fix it."""
    for value in (*graph.graph.input, *graph.graph.output):
        first = value.type.tensor_type.shape.dim[0]
        if batch is None:
            first.dim_param = "batch"
        else:
            first.dim_value = batch
