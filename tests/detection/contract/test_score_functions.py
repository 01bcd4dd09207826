"""A detector with a sigmoid for each class in every engine, against scores computed from PyTorch's logits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from every_engine import CASES, Engines
from multibox.models.ssd import SSD
from multibox.nms import select
from tiny_detector import CLASS_NAMES, noise_image, tiny_model

EXACT = [name for name, (_, precision) in CASES.items() if precision in (None, "fp32")]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    """The tiny model with other scores: those of softmax sum to one at most, these do not."""
    tiny = tiny_model()
    model = SSD(replace(tiny.config, score_function="sigmoid"), CLASS_NAMES).eval()
    model.load_state_dict(tiny.state_dict())
    return Engines(model, tmp_path_factory.mktemp("sigmoid"))


@pytest.mark.parametrize("name", EXACT)
def test_every_engine_uses_the_sigmoid(name: str, engines: Engines) -> None:
    """Scores and labels of the best detections against selection from sigmoid scores."""
    image = noise_image(seed=1, width=300, height=300)
    with torch.inference_mode():
        offsets, logits = engines.model(torch.from_numpy(image).permute(2, 0, 1)[None])
    boxes = engines.model.coder.decode(offsets)[0]
    wanted = select(boxes, 1 / (1 + torch.exp(-logits[0, :, 1:])), settings=engines.model.config.detection)
    found = engines[name](image)
    assert len(found) > 100
    np.testing.assert_allclose(found.scores[:50], wanted.scores[:50], atol=2e-4)


def test_a_raw_export_too(engines: Engines, tmp_path: Path) -> None:
    """A model that ends with offsets and logits, whose description says what to do with them, against the whole one."""
    pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
    pytest.importorskip("onnxruntime", reason="the packages of multibox[export] are not installed")
    from multibox.detection.detector import Detector
    from multibox.detection.export.onnx import export_onnx

    export_onnx(engines.model, tmp_path / "raw.onnx", end="raw")
    image = noise_image(seed=2)
    found = Detector.load(tmp_path / "raw.onnx", engine="onnxruntime")(image)
    np.testing.assert_allclose(found.scores, engines["torch"](image).scores, atol=2e-4)
