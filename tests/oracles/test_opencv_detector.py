"""The authors' detectors, imported from a .caffemodel, against OpenCV running the same file with their deploy text."""

from pathlib import Path

import cv2
import numpy as np
import torch

from multibox.weights.origins.recognize import import_weights
from oracles.caffe_net import caffemodel, run
from oracles.official_deploy import official_deploy
from oracles.same_detections import assert_same_detections


def test_same_detections(tmp_path: Path) -> None:
    """200 detections with random weights: scores within 1e-4 and boxes within 0.1 pixel of OpenCV's Caffe reader."""
    side, rng = 300, np.random.default_rng(300)
    net = official_deploy(side, outputs=21, rng=rng)
    (tmp_path / "net.caffemodel").write_bytes(caffemodel(net.blobs))
    model = import_weights(tmp_path / "net.caffemodel")
    coarse = rng.integers(0, 256, (side // 20, side // 20, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)

    blob = cv2.dnn.blobFromImage(image, mean=(104, 117, 123), swapRB=False)  # OpenCV sees the image as BGR
    rows = run(net.text, {"data": blob}, output="detection_out", blobs=net.blobs)[0, 0]
    theirs = (rows[:, 3:].clip(0, 1) * side, rows[:, 2], rows[:, 1].astype(int) - 1)
    rgb = torch.from_numpy(image[:, :, ::-1].transpose(2, 0, 1).copy())
    (found,) = model.detect(rgb[None])
    ours = (found.boxes.numpy() * side, found.scores.numpy(), found.labels.numpy())

    assert len(rows) == 200
    assert len(np.unique(theirs[2])) > 3
    assert_same_detections(ours, theirs, pixels=0.1, score=1e-4)
