"""An exported detector in ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.array_nms import ArraySelection
from multibox.detection.engines.engine import Loaded
from multibox.detection.engines.exported import Arrays, OutputReader, exported_config, join_outputs, split_batch
from multibox.detection.engines.graph import Port, check_graph
from multibox.errors import UsageError, WeightsError
from multibox.system.fork import keep_in_children
from multibox.system.threads import engine_threads
from multibox.weights.exported import INPUT, KEY, OUTPUTS_OF_END, Exported
from multibox.weights.model_file import check_model_file
from multibox.words import pip_install

_CPU, _CUDA, _TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


class OnnxEngine:
    """Runs a file of `export_onnx`, with `engine_threads` threads.

    Any number of threads may use it. It does not work in a process forked from the one that made it. A pickle holds the
    path of the file, not the model.

    With `tensorrt` it uses TensorRT where that can, and CUDA for the rest; the compiled parts are kept in the cache.

    Raises UsageError if ONNX Runtime is missing or does not support the device, WeightsError if the file is missing or
    is not a detector of multibox.
    """

    def __init__(self, path: Path | str, *, device: str = "cpu", tensorrt: bool = False) -> None:
        runtime = _import_runtime()
        self._source = (Path(path).absolute(), device, tensorrt)
        check_model_file(path)
        providers = choose_providers(runtime.get_available_providers(), device=device, tensorrt=tensorrt)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = engine_threads()
        options.log_severity_level = 3  # errors: it prints a warning for each weight of some programs' files
        # Otherwise idle threads keep cores busy that other work needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:  # without fallback: it tries again with the same provider, and prints
            self._session = runtime.InferenceSession(path, options, providers=providers, enable_fallback=False)
            description = self._session.get_modelmeta().custom_metadata_map.get(KEY)
            ports = _ports(self._session)
        except Exception as problem:  # its errors have no other common class
            raise _failed("load", path, problem) from None
        _check_started(self._session.get_providers(), wanted=providers[0][0])
        self.exported = Exported.from_text(description, path=path)
        check_graph(self.exported, ports, path=path)
        on = "" if device == "cpu" else f" with {'TensorRT' if tensorrt else device}"
        description = f"ONNX Runtime {runtime.__version__}{on}, {self.exported.precision}"
        self.config = exported_config(self.exported, description)
        keep_in_children(self)
        self._names = _outputs(self._session, OUTPUTS_OF_END[self.exported.end])
        self._read = OutputReader(self.exported)

    def forward(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        """The model's outputs: those of its end."""
        if self.exported.batch is None:
            return self._run(batch)
        outputs = [self._run(part) for part in split_batch(batch, size=self.exported.batch)]
        return join_outputs(outputs, count=len(batch))

    def _run(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        try:
            return tuple(self._session.run(self._names, {INPUT: batch}))
        except Exception as problem:  # its errors have no other common class
            raise _failed("run", self._source[0], problem) from None

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_source, self._source

    def postprocess(self, outputs: Arrays) -> list[ArraySelection]:
        """Detections of each image."""
        return self._read(outputs)


def load(source: Path | str, *, device: str | None, precision: str | None) -> Loaded:
    """Load a .onnx file; it has its own precision."""
    engine = OnnxEngine(source, device=device or "cpu")
    return Loaded(engine, engine.exported.info)


def _from_source(path: Path, device: str, tensorrt: bool) -> OnnxEngine:
    """The engine of a pickle."""
    return OnnxEngine(path, device=device, tensorrt=tensorrt)


def _failed(verb: str, path: Path | str, problem: Exception) -> WeightsError:
    reason = str(problem).split("\n")[0]
    return WeightsError(f"ONNX Runtime cannot {verb} {path} ({reason}): export it again")


def _ports(session: Any) -> dict[str, Port]:
    """The inputs and outputs; dimensions that have a name can have any size."""
    return {
        value.name: Port(_type(value.type), tuple(side if isinstance(side, int) else None for side in value.shape))
        for value in (*session.get_inputs(), *session.get_outputs())
    }


def _type(word: str) -> str:
    """NumPy's name of a type such as "tensor(float)"."""
    name = word.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(name, name)


def _outputs(session: Any, wanted: tuple[str, ...]) -> list[str]:
    """The wanted outputs that the model has: older exports have no priors."""
    names = {output.name for output in session.get_outputs()}
    return [name for name in wanted if name in names]


def _import_runtime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UsageError(
            f"ONNX Runtime is not installed: {pip_install('onnxruntime')}, or choose another engine"
        ) from None
    return onnxruntime


def choose_providers(
    available: Sequence[str], *, device: str, tensorrt: bool = False
) -> list[tuple[str, dict[str, Any]]]:
    """ONNX Runtime's providers with their options, the preferred one first.

    Raises UsageError if this build of ONNX Runtime lacks the provider.
    """
    kind, _, number = device.partition(":")
    wanted = {"cpu": _CPU, "cuda": _TENSORRT if tensorrt else _CUDA}.get(kind, device)
    if wanted not in available or (number and not number.isdecimal()):
        what = "TensorRT" if wanted == _TENSORRT else f"the device {device!r}"
        needs = "install onnxruntime-gpu" if kind == "cuda" else "choose cpu"
        raise UsageError(f"this ONNX Runtime has no support for {what}: {needs}")
    if kind != "cuda":
        return [(_CPU, {})] if wanted == _CPU else [(wanted, {}), (_CPU, {})]
    gpu = {"device_id": int(number or 0)}
    others: list[tuple[str, dict[str, Any]]] = [(_CUDA, gpu), (_CPU, {})]
    return [(_TENSORRT, gpu | _kept_engines()), *others] if tensorrt else others


def _kept_engines() -> dict[str, Any]:
    """Options that keep TensorRT's engines, whose making takes minutes, in the user's cache."""
    from multibox.weights.download import cache_folder

    folder = cache_folder() / "tensorrt"
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(folder),
    }


def _check_started(providers: Sequence[str], *, wanted: str) -> None:
    """Raise UsageError if ONNX Runtime took another provider, as it does when a library is missing."""
    if wanted not in providers:
        raise UsageError(
            f"ONNX Runtime could not start {wanted} and would use {providers[0]}: install the NVIDIA libraries of its "
            "version, or choose another --device or --engine"
        )
