"""Real Caffe detectors with their own weights, on photographs, against OpenCV and ONNX Runtime on the same files.

The files were trained by others and are not part of the repository; the tests are skipped where they are absent.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from multibox.models.bases.graph.config import GraphConfig
from multibox.models.ssd import SSD
from multibox.weights.origins.recognize import import_weights
from oracles.caffe_files import detections, opencv_detections
from oracles.same_detections import assert_same_detections
from shared_data import shared


def photographs(size: tuple[int, int], *, count: int = 8) -> list[np.ndarray]:
    """Photographs in BGR at the input size (height, width)."""
    files = sorted(shared("data/voc_100/VOC2012/JPEGImages").glob("*.jpg"))[:: max(1, 100 // count)][:count]
    return [cv2.resize(cv2.imread(str(file)), size[::-1]) for file in files]


def reader(prototxt: Path, weights: Path) -> cv2.dnn.Net:
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("this OpenCV cannot read Caffe's files: OpenCV 5 has no importer for them")
    network = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))
    network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    return network


def face_detector(weights: Path) -> SSD:
    return import_weights(weights, prototxt=shared("models/res10_deploy.prototxt"))


def test_face_detector() -> None:
    """OpenCV's res10 model: its normalization is known, and the detections are OpenCV's to 0.1 pixel and 1e-4."""
    weights = shared("models/res10_300x300_ssd_iter_140000.caffemodel")
    network = reader(shared("models/res10_deploy.prototxt"), weights)
    model = face_detector(weights)
    assert model.class_names == ("face",)
    assert isinstance(model.config.base, GraphConfig)
    for image in photographs((300, 300)):
        network.setInput(cv2.dnn.blobFromImage(image, 1.0, (300, 300), (104, 177, 123)))
        theirs = opencv_detections(network.forward(), (300, 300))
        assert_same_detections(detections(model, image), theirs, pixels=0.1, score=1e-4)


def test_face_detector_in_16_bits(tmp_path: Path) -> None:
    """The same weights as OpenCV stores them in 16 bits: values within the rounding of 16 bits."""
    weights, half = shared("models/res10_300x300_ssd_iter_140000.caffemodel"), tmp_path / "half.caffemodel"
    reader(shared("models/res10_deploy.prototxt"), weights)
    cv2.dnn.shrinkCaffeModel(str(weights), str(half))
    assert half.stat().st_size < 0.6 * weights.stat().st_size
    model = import_weights(
        half, prototxt=shared("models/res10_deploy.prototxt"), mean=(104, 177, 123), class_names=("face",)
    )
    for name, value in face_detector(weights).state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=2e-3, atol=2e-3)


def test_ultralight_face_detector() -> None:
    """RFB-320 has no priors in its file: offsets and scores are OpenCV's, decoded boxes those of its ONNX twin."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    prototxt, weights = shared("models/ultralight_RFB-320.prototxt"), shared("models/ultralight_RFB-320.caffemodel")
    network, model = reader(prototxt, weights), import_weights(weights, prototxt=prototxt)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(shared("models/ultralight_version-RFB-320.onnx")), options)
    for image in photographs((240, 320), count=4):
        rgb = image[:, :, ::-1].transpose(2, 0, 1)
        blob = ((rgb.astype(np.float32) - 127) / 128)[None]
        network.setInput(blob)
        offsets, scores = network.forward(["boxes", "scores"])
        twin_scores, twin_boxes = session.run(None, {session.get_inputs()[0].name: blob})
        with torch.inference_mode():
            found, logits = model(torch.from_numpy(rgb.copy())[None])
            shares, boxes = logits.softmax(-1), model.coder.decode(found)
        np.testing.assert_allclose(found, offsets, rtol=0, atol=1e-4)
        for theirs in (scores, twin_scores):
            np.testing.assert_allclose(shares, theirs, rtol=0, atol=1e-4)
        np.testing.assert_allclose(boxes * 320, twin_boxes * 320, rtol=0, atol=0.1)
