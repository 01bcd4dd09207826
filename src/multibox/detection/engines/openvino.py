"""A detector in OpenVINO, on the CPU."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from multibox.array_nms import ArraySelection
from multibox.detection.engines.engine import Loaded
from multibox.detection.engines.exported import Arrays, OutputReader, exported_config, join_outputs, split_batch
from multibox.detection.engines.graph import Port, check_graph
from multibox.detection.engines.openvino_core import import_openvino, openvino_core
from multibox.errors import WeightsError
from multibox.system.fork import keep_in_children
from multibox.system.pool import Pool
from multibox.system.threads import engine_threads
from multibox.weights.exported import KEY, Exported
from multibox.weights.model_file import check_model_file

if TYPE_CHECKING:
    from openvino import CompiledModel, Model

    from multibox.models.ssd import SSD

_ERRORS = (RuntimeError, UnicodeDecodeError)  # of OpenVINO; a message that quotes bytes of a file can be no text
_COMPUTES_BF16 = ("bf16", "int8")  # precisions of models that compute in bfloat16, if the processor can


class OpenVinoEngine:
    """Runs a model of `export_openvino`, or an SSD that `of_model` converts in memory.

    All threads compute a single image together; several images are computed in parallel, one thread each. It uses
    `engine_threads` threads. "bf16" models, and the float layers of "int8" models, compute in bfloat16 if the processor
    supports it; all others compute in float32.

    Any number of threads may use it: each call uses a separate infer request. It does not work in a process forked
    from the one that made it. A pickle holds the whole model.
    """

    def __init__(self, model: "Model", exported: Exported) -> None:
        self._openvino = import_openvino()
        self._model = model
        self.exported = exported
        description = f"OpenVINO {self._openvino.__version__.split('-')[0]}, {exported.precision}"
        self.config = exported_config(exported, description)
        keep_in_children(self)
        self._read = OutputReader(exported)
        self._single: Pool[Any] = Pool(self._new_request)
        self._parallel: Pool[list[Any]] = Pool(self._new_requests)
        self._compiled: dict[str, CompiledModel] = {}

    @classmethod
    def load(cls, path: Path | str) -> "OpenVinoEngine":
        """From the .xml of `export_openvino`, or the .onnx of `export_onnx`.

        Raises UsageError if OpenVINO is missing, WeightsError if the file is missing or is not a detector of multibox.
        """
        core = openvino_core()
        check_model_file(path)
        try:
            model = core.read_model(path)
        except _ERRORS as problem:
            raise _failed(f"load {path}", problem) from None
        exported = Exported.from_text(_description(model), path=path)
        check_graph(exported, _ports(model), path=path)
        return cls(model, exported)

    @classmethod
    def of_model(cls, model: "SSD", *, precision: str = "fp32") -> "OpenVinoEngine":
        """From a model in memory; takes a few seconds. `precision` is "fp32" or "bf16"."""
        from multibox.detection.export.openvino import openvino_model

        exported = Exported.of(model, info={}, precision=precision, end="detections", batch=None)
        return cls(openvino_model(model, precision=precision), exported)

    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        """The model's outputs: those of its end."""
        parts = split_batch(batch, size=self.exported.batch or 1)
        outputs = [self._run(parts[0])] if len(parts) == 1 else self._run_in_parallel(parts)
        return join_outputs(outputs, count=len(batch))

    def _run(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        with self._single.lend() as request:
            request.start_async([batch], share_inputs=True)
            return _result(request)

    def _run_in_parallel(self, batches: list[UInt8[np.ndarray, "b h w 3"]]) -> list[Arrays]:
        # Without callbacks: one that waits for Python's lock while a thread that has it makes requests would never end.
        with self._parallel.lend() as requests:
            outputs = []
            for number, batch in enumerate(batches):
                request = requests[number % len(requests)]
                if number >= len(requests):
                    outputs.append(_result(request))
                request.start_async([batch], share_inputs=True)
            running = range(max(0, len(batches) - len(requests)), len(batches))
            return [*outputs, *(_result(requests[number % len(requests)]) for number in running)]

    def _new_request(self) -> Any:
        return self._compile("LATENCY", streams=1).create_infer_request()

    def _new_requests(self) -> list[Any]:
        model = self._compile("THROUGHPUT", streams=engine_threads())
        count = model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        return [model.create_infer_request() for _ in range(count)]

    def _compile(self, hint: str, *, streams: int) -> "CompiledModel":
        """The model for a fixed input size, which is faster than an open one. It is compiled once for each hint."""
        if hint in self._compiled:
            return self._compiled[hint]
        model = self._model.clone()
        try:
            model.reshape([self.exported.batch or 1, *self.exported.input_size, 3])
        except _ERRORS as problem:
            raise _failed("compile the model", problem) from None
        try:
            compiled = self._compile_with(self._precision(), model, hint, streams=streams)
        except _ERRORS:  # the processor states bfloat16, but the instructions are switched off
            try:
                compiled = self._compile_with("f32", model, hint, streams=streams)
            except _ERRORS as problem:
                raise _failed("compile the model", problem) from None
        return self._compiled.setdefault(hint, compiled)

    def _precision(self) -> str:
        capabilities = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bf16" if self.exported.precision in _COMPUTES_BF16 and "BF16" in capabilities else "f32"

    def _compile_with(self, precision: str, model: "Model", hint: str, *, streams: int) -> "CompiledModel":
        settings = {
            "PERFORMANCE_HINT": hint,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": engine_threads(),
            "INFERENCE_PRECISION_HINT": precision,
            "ENABLE_CPU_PINNING": False,
        }
        return openvino_core().compile_model(model, "CPU", settings)

    def __reduce__(self) -> tuple[Any, ...]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.xml"
            self._openvino.serialize(self._model, path)
            return _from_parts, (path.read_bytes(), path.with_suffix(".bin").read_bytes(), self.exported)

    def postprocess(self, outputs: Arrays) -> list[ArraySelection]:
        """Detections of each image."""
        return self._read(outputs)


def load(source: Path | str, *, device: str | None, precision: str | None) -> Loaded:
    """Load a .xml or .onnx file, which has its own precision, or a weight file."""
    if Path(source).suffix in (".xml", ".onnx"):
        exported = OpenVinoEngine.load(source)
        return Loaded(exported, exported.exported.info)
    from multibox.weights.source import open_weights

    model, info = open_weights(source)
    return Loaded(OpenVinoEngine.of_model(model, precision=precision or "fp32"), info)


def _from_parts(structure: bytes, values: bytes, exported: Exported) -> OpenVinoEngine:
    """The engine of a pickle."""
    return OpenVinoEngine(openvino_core().read_model(structure, values), exported)


def _failed(action: str, problem: Exception) -> WeightsError:
    reason = str(problem).strip().split("\n")[-1]
    return WeightsError(f"OpenVINO cannot {action} ({reason}): export it again")


def _result(request: Any) -> Arrays:
    """Wait for a request, and copy its outputs, which its next use overwrites."""
    try:
        request.wait()
    except _ERRORS as problem:
        raise _failed("run the model", problem) from None
    return tuple(tensor.data.copy() for tensor in request.output_tensors)


def _ports(model: "Model") -> dict[str, Port]:
    """The inputs and outputs."""
    return {
        value.get_any_name() if value.get_names() else f"output {number}": Port(
            _type(value.element_type),
            tuple(side.get_length() if side.is_static else None for side in value.partial_shape),
        )
        for number, value in enumerate((*model.inputs, *model.outputs))
    }


def _type(element: Any) -> str:
    """NumPy's name of a type, or OpenVINO's of one that NumPy lacks."""
    try:
        return str(np.dtype(element.to_dtype()))
    except RuntimeError:
        return str(element.get_type_name())


def _description(model: "Model") -> str | None:
    """The description in a file of OpenVINO, or in one of ONNX, which keeps its metadata under "framework"."""
    for keys in ([KEY], ["framework", KEY]):
        if model.has_rt_info(keys):
            try:
                return str(model.get_rt_info(keys).astype(str))
            except UnicodeDecodeError:
                return None
    return None
