"""One model in every engine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine_cases import busy_image, small_thing_image
from multibox.detection.detector import Detector
from multibox.detection.engines.engine import Engine
from multibox.detection.engines.load import ENGINES, EngineEntry, find_engine, load_engine
from multibox.models.ssd import SSD
from multibox.weights.file import save_weights


def _case(entry: EngineEntry, precision: str | None) -> str:
    return entry.name if precision in (None, "fp32") else f"{entry.name}_{precision}"


CASES: dict[str, tuple[EngineEntry, str | None]] = {
    _case(entry, precision): (entry, precision)
    for entry in ENGINES
    if not entry.gpu_only
    for precision in entry.precisions or (None,)
} | {"openvino_int8": (find_engine("openvino"), "int8")}
"""By name each engine of the table in each of its precisions, and the files of 8 bits that OpenVINO runs."""


class Engines:
    """Engines with one model, each made on first use."""

    def __init__(self, model: SSD, folder: Path) -> None:
        self.model, self.folder = model, folder
        self._made: dict[str, Detector] = {}

    def __getitem__(self, name: str) -> Detector:
        if name not in self._made:
            self._made[name] = Detector(self.fresh(name), batch_size=5)
        return self._made[name]

    def fresh(self, name: str) -> Engine:
        """An engine that nothing else uses."""
        special: dict[str, Callable[[], Engine]] = {
            "openvino": self._openvino,
            "openvino_bf16": lambda: self._openvino("bf16"),
            "openvino_int8": self._openvino_int8,
            "litert": self._litert,
        }
        make = special.get(name)
        return self._loaded(name) if make is None else make()

    def _loaded(self, name: str) -> Engine:
        """An engine for weights from a weight file, any other from an exported model."""
        entry, precision = CASES[name]
        if entry.package is not None:
            pytest.importorskip(entry.package, reason=f"{entry.package} is not installed")
        if not entry.computes(precision):
            pytest.skip(f"this processor has no instructions for {precision}")
        source = self._weight_file() if entry.precisions else self._onnx_file()
        return load_engine(source, device="cpu", engine=entry.name, precision=precision).engine

    def _weight_file(self) -> Path:
        path = self.folder / "whole.safetensors"
        if not path.exists():
            save_weights(path, self.model)
        return path

    def _onnx_file(self) -> Path:
        path = self.folder / "whole.onnx"
        if not path.exists():
            pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
            from multibox.detection.export.onnx import export_onnx

            export_onnx(self.model, path)
        return path

    def _openvino(self, precision: str = "fp32") -> Engine:
        pytest.importorskip("openvino", reason="the packages of multibox[openvino] are not installed")
        from multibox.detection.engines.openvino import OpenVinoEngine

        engine = OpenVinoEngine.load(self._onnx_file())
        engine.exported = replace(engine.exported, precision=precision)
        return engine

    def _litert(self) -> Engine:
        pytest.importorskip("litert_torch", reason="the packages of multibox[litert] are not installed")
        from multibox.detection.engines.litert import load
        from multibox.detection.export.litert import export_litert

        path = self.folder / "whole.tflite"
        export_litert(self.model, path)
        return load(path, device=None, precision=None).engine

    def _openvino_int8(self) -> Engine:
        pytest.importorskip("nncf", reason="the packages of multibox[openvino] are not installed")
        from multibox.detection.engines.openvino import OpenVinoEngine
        from multibox.detection.export.openvino import export_openvino

        images = [busy_image(seed=100 + i) for i in range(4)] + [small_thing_image(seed=200)]
        path = self.folder / "int8.xml"
        export_openvino(self.model, path, precision="int8", images=images)
        return OpenVinoEngine.load(path)
