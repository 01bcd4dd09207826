"""Which engine runs a file, and on which one it runs fastest: the only place that knows them all."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from multibox.detection.engines.engine import Backend
from multibox.errors import UsageError
from multibox.system.device import choose_device

BACKENDS = ("torch", "packed", "onnxruntime", "openvino")
_FILES = {".onnx": ("onnxruntime", "openvino"), ".xml": ("openvino",)}
_PRECISIONS = {"float32": "fp32", "bfloat16": "bf16"}


class Loaded(NamedTuple):
    """An engine with its network, and what the file says about the detector's origin."""

    backend: Backend
    info: dict[str, Any]


def load_backend(
    source: Path | str, *, device: str | None = None, precision: str | None = None, backend: str | None = None
) -> Loaded:
    """The engine for a weight file or an exported model; without a `backend` the fastest that is installed.

    "torch" runs on every device; "packed" is PyTorch with folded weights in oneDNN's layout, for the CPU; "openvino"
    and "onnxruntime" run exported models, "openvino" weight files too, which takes it some seconds to prepare.
    `precision` is "float32" or "bfloat16"; an exported model has its own. Raises UsageError where backend, device,
    precision and file do not go together or a package is missing, and the errors of the loaders.
    """
    if backend is not None and backend not in BACKENDS:
        raise UsageError(f"backend {backend!r} is not known: choose one of {', '.join(BACKENDS)}")
    if Path(source).suffix in _FILES:
        return _load_exported(source, device=device, precision=precision, backend=backend)
    return _load_weights(source, device=device, precision=precision or "float32", backend=backend)


def _load_exported(path: Path | str, *, device: str | None, precision: str | None, backend: str | None) -> Loaded:
    engines = _FILES[Path(path).suffix]
    chosen = backend or _fastest(engines, device=device)
    if chosen not in engines:
        raise UsageError(f"backend {chosen!r} cannot run {path}: choose {' or '.join(engines)}, or give a weight file")
    if precision is not None:
        raise UsageError(
            f"precision {precision!r} cannot be chosen for {path}, an exported model has its own: "
            "export it with the --precision you want"
        )
    if chosen == "onnxruntime":
        from multibox.detection.engines.onnx import OnnxBackend

        on_runtime = OnnxBackend(path, device=device or "cpu")
        return Loaded(on_runtime, on_runtime.exported.info)
    from multibox.detection.engines.openvino import OpenVinoBackend

    _require_cpu(chosen, device)
    on_openvino = OpenVinoBackend.load(path)
    return Loaded(on_openvino, on_openvino.exported.info)


def _fastest(engines: tuple[str, ...], *, device: str | None) -> str:
    """OpenVINO on the CPU where it is installed, for it was in all measurements; else what the file was made for."""
    if "openvino" in engines and device in (None, "cpu") and find_spec("openvino"):
        return "openvino"
    return engines[0]


def _load_weights(path: Path | str, *, device: str | None, precision: str, backend: str | None) -> Loaded:
    from multibox.detection.engines.packed import FoldedBackend
    from multibox.detection.engines.torch import TorchBackend
    from multibox.weights.source import open_weights

    if backend == "onnxruntime":
        raise UsageError(f"backend 'onnxruntime' cannot run {path}: export it first with `multibox export`")
    target = choose_device(device)
    if backend is None:
        backend = "packed" if target.type == "cpu" else "torch"
    if backend == "torch":
        model, info = open_weights(path, device=target)
        return Loaded(TorchBackend(model, precision=precision), info)
    _require_cpu(backend, device)
    model, info = open_weights(path)
    if backend == "packed":
        return Loaded(FoldedBackend(model, precision=precision), info)
    from multibox.detection.engines.openvino import OpenVinoBackend

    return Loaded(OpenVinoBackend.of_model(model, precision=_openvino_precision(precision)), info)


def _openvino_precision(precision: str) -> str:
    if precision not in _PRECISIONS:
        raise UsageError(f"precision {precision!r} is not known: choose {' or '.join(_PRECISIONS)}")
    return _PRECISIONS[precision]


def _require_cpu(backend: str, device: str | None) -> None:
    if device not in (None, "cpu"):
        raise UsageError(f"backend {backend!r} has no support for the device {device!r}: choose cpu")
