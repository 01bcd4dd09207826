"""The structures of the SSDs that people have, with random weights, against OpenCV's Caffe reader on the same files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from multibox.detection.engines.packed import PackedEngine
from multibox.models.bases.graph.config import GraphConfig
from multibox.weights.file import load_weights, save_weights
from oracles import caffe_models
from oracles.caffe_files import CaffeText, detections, imported, opencv_detections, run_opencv
from oracles.same_detections import assert_same_detections

CLASSES = 4
MODELS = (
    caffe_models.mobilenet_ssd,
    caffe_models.squeezenet_ssd,
    caffe_models.resnet101_ssd,
    caffe_models.vgg_ssd512,
)


@pytest.mark.parametrize("build", MODELS)
def test_detections(tmp_path: Path, build: Callable[[int], CaffeText]) -> None:
    """200 detections of the imported model, and of its weight file in another engine: those of OpenCV.

    Scores within 1e-4, boxes within 0.1 pixel.
    """
    net = build(CLASSES)
    image = net.image()
    (rows,) = run_opencv(net, tmp_path, image, ["found"])
    theirs = opencv_detections(rows, net.size)
    model = imported(net, tmp_path)
    assert isinstance(model.config.base, GraphConfig)
    assert len(theirs[1]) == 200
    assert_same_detections(detections(model, image), theirs, pixels=0.1, score=1e-4)

    save_weights(tmp_path / "w.safetensors", model)
    loaded, _ = load_weights(tmp_path / "w.safetensors")
    engine = PackedEngine(loaded)
    (found,) = engine.postprocess(engine.forward(image[None, :, :, ::-1].copy()))
    height, width = net.size
    boxes = np.asarray(found.boxes) * [width, height, width, height]
    ours = (boxes, np.asarray(found.scores), np.asarray(found.labels))
    assert_same_detections(ours, theirs, pixels=0.1, score=1e-4)
