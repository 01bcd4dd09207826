"""An exported detector in ONNX Runtime with TensorRT, on an NVIDIA GPU."""

from pathlib import Path

from multibox.detection.engines.engine import Loaded
from multibox.detection.engines.onnx import OnnxEngine


def load(source: Path | str, *, device: str | None, precision: str | None) -> Loaded:
    """Load a .onnx file; it has its own precision. The first load compiles the network, which can take minutes."""
    engine = OnnxEngine(source, device=device or "cuda", tensorrt=True)
    return Loaded(engine, engine.exported.info)
