"""An exported detector in ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from multibox.detection.export.network import INPUT, OUTPUTS, RAW_OUTPUTS
from multibox.detection.postprocess import Arrays, Chooser, filled_rows, joined, pieces
from multibox.errors import UsageError, WeightsError
from multibox.models.config import ModelConfig
from multibox.nms import Selection
from multibox.size import Size
from multibox.weights.exported import KEY, Exported


class OnnxBackend:
    """Runs a file of `export_onnx`. Uses as many threads as PyTorch would.

    Raises UsageError where ONNX Runtime is missing, or has no support for the device, WeightsError where the file is
    missing or no detector of multibox.
    """

    def __init__(self, path: Path | str, *, device: str = "cpu") -> None:
        runtime = _import_runtime()
        if not Path(path).is_file():
            raise WeightsError(f"model file {path} does not exist: make it with `multibox export`")
        providers = _providers(runtime, device)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        # Otherwise idle threads keep the cores busy, which other work in this process and beside it needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = runtime.InferenceSession(path, options, providers=providers)
        except Exception as problem:  # its errors have no common class but this
            reason = str(problem).split("\n")[0]
            raise WeightsError(f"ONNX Runtime cannot load {path} ({reason}): export it again") from None
        self.exported = Exported.from_text(self._session.get_modelmeta().custom_metadata_map.get(KEY), path=path)
        self.engine = f"ONNX Runtime {runtime.__version__}, {self.exported.precision}"
        self._names = RAW_OUTPUTS if self.exported.raw else OUTPUTS
        self._choose = Chooser(self.exported.config)

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
        if self.exported.batch is None:
            return self._run(batch)
        parts = [self._run(piece) for piece in pieces(batch, size=self.exported.batch)]
        return joined(parts, count=len(batch))

    def _run(self, batch: UInt8[np.ndarray, "b h w 3"]) -> Arrays:
        return tuple(self._session.run(self._names, {INPUT: batch}))

    def select(self, outputs: Arrays) -> list[Selection]:
        if self.exported.raw:
            return self._choose(*map(torch.from_numpy, outputs))
        return filled_rows(*outputs)


def _import_runtime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UsageError(
            "ONNX Runtime is not installed: install it with `pip install 'multibox[export]'`, or choose another backend"
        ) from None
    return onnxruntime


def _providers(runtime: Any, device: str) -> list[str]:
    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}.get(device.split(":")[0], device)
    if wanted not in runtime.get_available_providers():
        raise UsageError(f"this ONNX Runtime has no support for the device {device!r}: choose cpu")
    return [wanted] if device == "cpu" else [wanted, "CPUExecutionProvider"]
