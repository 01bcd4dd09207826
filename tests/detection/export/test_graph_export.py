"""Exported models of a structure that is data: outputs and detections of every engine against the weight file."""

from pathlib import Path

import numpy as np
import pytest

from multibox.detection.engines.load import load_engine
from multibox.detection.engines.torch import TorchEngine
from multibox.detection.export.export import export
from multibox.models.ssd import SSD
from multibox.weights.file import save_weights
from oracles.caffe_files import CaffeText, imported
from oracles.test_opencv_graph_layers import CASES

EACH = (
    *("lrn", "elu", "prelu", "power", "pool_average_padded", "pool_max_padded", "pool_global_average"),
    *("normalize_shared", "deconvolution_depthwise", "channel_shuffle", "crop", "eltwise_max", "scale_of_two"),
)


def net_of_all() -> CaffeText:
    """A network with a branch for each of the layers, so that one export covers them all."""
    net = CaffeText(24, 32, seed=5)
    net.convolution("stem", "data", 8, 3, "pad: 1 stride: 2")
    for name in EACH:
        net.prefix = f"{name}/"
        net.head(CASES[name](net).removeprefix(net.prefix), classes=3, kernel=1)
    net.prefix = ""
    net.output(classes=3)
    return net


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SSD:
    return imported(net_of_all(), tmp_path_factory.mktemp("net"))


@pytest.mark.parametrize(
    ("form", "suffix", "package"), [("onnx", ".onnx", "onnxruntime"), ("openvino", ".xml", "openvino")]
)
def test_export(tmp_path: Path, model: SSD, form: str, suffix: str, package: str) -> None:
    """Detections of the exported file: those of PyTorch, with scores within 2e-4."""
    pytest.importorskip(package, reason=f"{package} is not installed")
    save_weights(tmp_path / "w.safetensors", model)
    path = export(tmp_path / "w.safetensors", format=form, out=tmp_path / f"w{suffix}")
    images = np.random.default_rng(0).integers(0, 256, (2, *model.config.input_size, 3), dtype=np.uint8)
    engine, reference = load_engine(path).engine, TorchEngine(model)
    found, expected = (e.postprocess(e.forward(images)) for e in (engine, reference))
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours.scores) == len(theirs.scores) > 20
        np.testing.assert_allclose(ours.scores, theirs.scores, rtol=0, atol=2e-4)
