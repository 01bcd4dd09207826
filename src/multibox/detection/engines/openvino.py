"""A detector in OpenVINO, on the CPU."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import UInt8

from multibox.detection.export.openvino import import_openvino, openvino_core, openvino_model
from multibox.detection.postprocess import Arrays, Chooser, filled_rows, joined, pieces
from multibox.errors import WeightsError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.nms import Selection
from multibox.size import Size
from multibox.weights.exported import KEY, Exported

if TYPE_CHECKING:
    from openvino import CompiledModel, Model

_NARROW = ("bf16", "int8")
_CAPABILITIES = "OPTIMIZATION_CAPABILITIES"


class OpenVinoBackend:
    """Runs a model of `export_openvino`, or an SSD that `of_model` brings into OpenVINO's form in memory.

    One image is computed by all threads together; several go through side by side, each by one thread of its own.
    Threads are as many as PyTorch would use. Models in "bf16", and what is not integer in "int8" ones, compute in
    bfloat16 where the processor has it, all others in float32.
    """

    def __init__(self, model: "Model", exported: Exported) -> None:
        self._openvino = import_openvino()
        self._model = model
        self.exported = exported
        self.engine = f"OpenVINO {self._openvino.__version__.split('-')[0]}, {exported.precision}"
        self._choose = Chooser(exported.config)

    @classmethod
    def load(cls, path: Path | str) -> "OpenVinoBackend":
        """From the .xml of `export_openvino`, or the .onnx of `export_onnx`.

        Raises UsageError where OpenVINO is missing, WeightsError where the file is missing or no detector of multibox.
        """
        core = openvino_core()
        if not Path(path).is_file():
            raise WeightsError(f"model file {path} does not exist: make it with `multibox export`")
        try:
            model = core.read_model(path)
        except RuntimeError as problem:
            reason = str(problem).strip().split("\n")[-1]
            raise WeightsError(f"OpenVINO cannot load {path} ({reason}): export it again") from None
        return cls(model, Exported.from_text(_description(model), path=path))

    @classmethod
    def of_model(cls, model: SSD, *, precision: str = "fp32") -> "OpenVinoBackend":
        """From a model in memory; takes some seconds. `precision` is "fp32" or "bf16"."""
        exported = Exported.of(model, info={}, precision=precision, raw=False, batch=None)
        return cls(openvino_model(model, precision=precision), exported)

    @property
    def config(self) -> ModelConfig:
        return self.exported.config

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.exported.class_names

    @property
    def input_size(self) -> Size:
        return self.exported.config.input_size

    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        """The model's outputs, by its kind the raw ones or detections."""
        parts = pieces(batch, size=self.exported.batch or 1)
        found = [self._run(parts[0])] if len(parts) == 1 else self._run_side_by_side(parts)
        return joined(found, count=len(batch))

    def _run(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        self._together.infer([batch], share_inputs=True)
        return _copied(self._together)

    def _run_side_by_side(self, batches: list[UInt8[np.ndarray, "b h w 3"]]) -> list[Arrays]:
        found: dict[int, Arrays] = {}
        self._side_by_side.set_callback(lambda request, place: found.update({place: _copied(request)}))
        for place, batch in enumerate(batches):
            self._side_by_side.start_async([batch], place, share_inputs=True)
        self._side_by_side.wait_all()
        return [found[place] for place in range(len(batches))]

    @cached_property
    def _together(self) -> Any:
        return self._compiled("LATENCY", streams=1).create_infer_request()

    @cached_property
    def _side_by_side(self) -> Any:
        return self._openvino.AsyncInferQueue(self._compiled("THROUGHPUT", streams=torch.get_num_threads()))

    def _compiled(self, hint: str, *, streams: int) -> "CompiledModel":
        """For the one size of input that is used: engines are slower where it is open."""
        model = self._model.clone()
        model.reshape([self.exported.batch or 1, *self.input_size, 3])
        narrow = self.exported.precision in _NARROW and "BF16" in openvino_core().get_property("CPU", _CAPABILITIES)
        settings = {
            "PERFORMANCE_HINT": hint,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": "bf16" if narrow else "f32",
            "ENABLE_CPU_PINNING": False,
        }
        return openvino_core().compile_model(model, "CPU", settings)

    def select(self, outputs: Arrays) -> list[Selection]:
        if self.exported.raw:
            return self._choose(*map(torch.from_numpy, outputs))
        return filled_rows(*outputs)


def _copied(request: Any) -> Arrays:
    return tuple(tensor.data.copy() for tensor in request.output_tensors)


def _description(model: "Model") -> str | None:
    """From a file of OpenVINO itself, or of ONNX, whose metadata it keeps under "framework"."""
    for place in ([KEY], ["framework", KEY]):
        if model.has_rt_info(place):
            return str(model.get_rt_info(place).astype(str))
    return None
