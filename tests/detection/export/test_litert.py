"""LiteRT files in each precision; needs the packages that convert, which are too large for every test environment."""

from pathlib import Path

import numpy as np
import pytest
import torch

from multibox.detection.engines.litert import LiteRtEngine
from multibox.detection.export.export import export
from multibox.detection.export.network import Boxes, Network
from multibox.weights.file import save_weights
from tiny_detector import noise_image, tiny_model, write_image

pytest.importorskip("litert_torch", reason="the packages of multibox[litert] are not installed")
pytest.importorskip("ai_edge_quantizer", reason="the packages of multibox[litert] are not installed")

IMAGES = np.stack([noise_image(seed=i, width=300, height=300) for i in range(4)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a weight file, and a folder of images to calibrate on."""
    folder = tmp_path_factory.mktemp("litert")
    save_weights(folder / "tiny.safetensors", tiny_model())
    for i, image in enumerate(IMAGES):
        write_image(folder / "images" / f"{i}.png", image)
    return folder


@pytest.mark.parametrize(
    ("precision", "largest", "mean", "size"),
    [("fp32", 1e-5, 1e-6, 450_000), ("fp16", 0.005, 0.001, 350_000), ("int8", 0.15, 0.03, 300_000)],
)
def test_scores_of_all_priors(folder: Path, precision: str, largest: float, mean: float, size: int):
    """Largest and mean difference from PyTorch, before suppression; the size of the file, and what it states."""
    calibrate = folder / "images" if precision == "int8" else None
    out = folder / f"{precision}.tflite"
    export(folder / "tiny.safetensors", format="litert", precision=precision, calibrate=calibrate, out=out)
    engine = LiteRtEngine(out.read_bytes(), path=out)
    model = tiny_model().eval()
    with torch.no_grad():
        _, expected = Boxes(model)(*Network(model)(torch.from_numpy(IMAGES)))
    difference = np.abs(engine.forward(IMAGES)[1] - expected.numpy())
    assert difference.max() <= largest
    assert difference.mean() <= mean
    assert out.stat().st_size < size
    assert engine.config.description.endswith(f", {precision}")
