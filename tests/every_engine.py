"""One model in every engine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine_cases import busy_image, small_thing_image
from multibox.detection.detector import Detector
from multibox.detection.engines.engine import Engine
from multibox.detection.engines.packed import PackedEngine
from multibox.detection.engines.torch import TorchEngine
from multibox.models.ssd import SSD


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
        """A new engine that no other test uses."""
        make: Callable[[], Engine] = getattr(self, f"_{name}")
        return make()

    def _torch(self) -> Engine:
        return TorchEngine(self.model)

    def _torch_bf16(self) -> Engine:
        return TorchEngine(self.model, precision="bf16")

    def _packed(self) -> Engine:
        return PackedEngine(self.model)

    def _packed_bf16(self) -> Engine:
        return PackedEngine(self.model, precision="bf16")

    def _onnx_file(self) -> Path:
        path = self.folder / "whole.onnx"
        if not path.exists():
            pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
            from multibox.detection.export.onnx import export_onnx

            export_onnx(self.model, path)
        return path

    def _onnxruntime(self) -> Engine:
        pytest.importorskip("onnxruntime", reason="the packages of multibox[export] are not installed")
        from multibox.detection.engines.onnx import OnnxEngine

        return OnnxEngine(self._onnx_file())

    def _openvino(self, precision: str = "fp32") -> Engine:
        pytest.importorskip("openvino", reason="the packages of multibox[openvino] are not installed")
        from multibox.detection.engines.openvino import OpenVinoEngine

        engine = OpenVinoEngine.load(self._onnx_file())
        engine.exported = replace(engine.exported, precision=precision)
        return engine

    def _openvino_bf16(self) -> Engine:
        return self._openvino("bf16")

    def _openvino_int8(self) -> Engine:
        pytest.importorskip("nncf", reason="the packages of multibox[openvino] are not installed")
        from multibox.detection.engines.openvino import OpenVinoEngine
        from multibox.detection.export.openvino import export_openvino

        images = [busy_image(seed=100 + i) for i in range(4)] + [small_thing_image(seed=200)]
        path = self.folder / "int8.xml"
        export_openvino(self.model, path, precision="int8", images=images)
        return OpenVinoEngine.load(path)
