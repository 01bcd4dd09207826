"""Detectors that others trained with the TensorFlow Object Detection API, imported, against OpenVINO and OpenCV."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from multibox.models.ssd import SSD
from multibox.priors import make_priors
from multibox.size import Size
from multibox.weights.origins.recognize import import_weights
from multibox.weights.origins.tensorflow.anchors import api_spec
from multibox.weights.origins.tensorflow.labels import read_labels_file
from shared_data import shared

OPEN_IMAGES, LABELS = "models/ssd_mobilenetv2_oidv4_fp16.tflite", "models/ssd_mobilenetv2_oidv4_labels.txt"
PERSON = "models/ssdlite_mobilenetv2_person_frozen.pb"
CELLS = [Size(n, n) for n in (19, 10, 5, 3, 2, 1)]
BOXES = (3, 6, 6, 6, 6, 6)


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """Three photographs at the input size, RGB."""
    paths = sorted(shared("data/voc_100/VOC2012/JPEGImages").glob("*.jpg"))[:3]
    return [cv2.resize(cv2.imread(str(path))[:, :, ::-1], (300, 300)) for path in paths]


@pytest.fixture(scope="module")
def person() -> SSD:
    return import_weights(shared(PERSON), class_names=["person"])


def raw(model: SSD, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Encodings with y first, and logits."""
    with torch.inference_mode():
        offsets, logits = model(torch.from_numpy(image.copy()).permute(2, 0, 1)[None])
    return offsets[0][:, [1, 0, 3, 2]].numpy(), logits[0].numpy()


def normalized(image: np.ndarray) -> np.ndarray:
    return (image.astype(np.float32) / 127.5 - 1)[None]


def test_open_images_raw_outputs(photographs: list[np.ndarray]) -> None:
    """All 1,917 boxes and 24 values of the TFLite file against OpenVINO, which reads it with a reader of its own."""
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    path = shared(OPEN_IMAGES)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    model = import_weights(path, class_names=read_labels_file(shared(LABELS)))
    assert (model.config.priors.count, len(model.class_names)) == (1917, 23)
    assert (model.config.score_function, model.config.variances) == ("sigmoid", (0.1, 0.1, 0.2, 0.2))
    for image in photographs:
        result = compiled([normalized(image)])
        boxes, classes = raw(model, image)
        np.testing.assert_allclose(boxes, result["raw_outputs/box_encodings"][0], atol=5e-4)
        np.testing.assert_allclose(classes, result["raw_outputs/class_predictions"][0], atol=5e-4)


def test_person_raw_outputs(person: SSD, photographs: list[np.ndarray]) -> None:
    """The network inside the frozen graph, behind its preprocessing, against OpenVINO."""
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    path = shared(PERSON)
    core = openvino.Core()
    whole = core.read_model(path)
    named = {operation.get_friendly_name(): operation for operation in whole.get_ops()}
    stem = next(op for op in whole.get_ordered_ops() if op.get_type_name() == "Convolution")
    image = openvino.op.Parameter(openvino.Type.f32, openvino.PartialShape([1, 3, 300, 300]))
    stem.input(0).replace_source_output(image.output(0))
    network = openvino.Model([named[name].output(0) for name in ("Squeeze", "concat_1")], [image], "network")
    compiled = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for photograph in photographs:
        result = compiled([np.ascontiguousarray(normalized(photograph).transpose(0, 3, 1, 2))])
        boxes, classes = raw(person, photograph)
        np.testing.assert_allclose(boxes, result[0][0], atol=5e-4)
        np.testing.assert_allclose(classes, result[1][0], atol=5e-4)


def test_person_detections(person: SSD, photographs: list[np.ndarray]) -> None:
    """Whole detections of the frozen graph in OpenVINO, its own postprocessing included, against ours."""
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    from multibox.detection.detector import Detector

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(shared(PERSON)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    detector = Detector(person)
    seen = 0
    for image in photographs:
        result = compiled([image[None]])
        scores, boxes = result["detection_scores:0"][0], result["detection_boxes:0"][0]
        found = detector(image)
        count = int((scores > 0.1).sum())
        seen += count
        np.testing.assert_allclose(found.scores[:count], scores[:count], atol=1e-3)
        np.testing.assert_allclose(found.boxes[:count], 300 * boxes[:count][:, [1, 0, 3, 2]], atol=0.1)
    assert seen > 0


def test_anchors_of_the_file_are_those_of_the_rules(person: SSD) -> None:
    """1,917 anchors that the frozen graph computes against those of the API's rules, and against the TFLite file's."""
    computed = make_priors(person.config.priors)
    spec = api_spec(Size(300, 300), CELLS, boxes_per_cell=BOXES)
    assert spec is not None
    np.testing.assert_allclose(computed, make_priors(spec), atol=1e-6)
    ruled = import_weights(shared(OPEN_IMAGES)).config.priors
    np.testing.assert_allclose(computed, make_priors(ruled), atol=1e-6)


def test_opencv_reads_the_same_weights(person: SSD, photographs: list[np.ndarray], tmp_path: Path) -> None:
    """A predictor's map of the frozen graph against OpenCV, whose reader folds and reorders on its own."""
    path = tmp_path / "network.pb"
    write_network_only(shared(PERSON), path)
    net = cv2.dnn.readNetFromTensorflow(str(path))
    net.setInput(np.ascontiguousarray(normalized(photographs[0]).transpose(0, 3, 1, 2)))
    found = net.forward(net.getUnconnectedOutLayersNames()[0])
    _, classes = raw(person, photographs[0])
    expected = found[0].transpose(1, 2, 0).reshape(-1, 2)
    np.testing.assert_allclose(classes[: len(expected)], expected, atol=5e-4)


def write_network_only(source: Path, target: Path) -> None:
    """The nodes of a frozen graph between the normalized image and the first predictor of classes."""
    from multibox.weights.origins.protobuf import as_bytes, message_fields
    from oracles.frozen_writer import field_of

    kept = []
    for number, value in message_fields(memoryview(source.read_bytes())):
        content = as_bytes(value)
        name = next((str(as_bytes(text), "utf-8") for field, text in message_fields(content) if field == 1), "")
        if number == 1 and name.startswith(("FeatureExtractor/MobilenetV2", "BoxPredictor_0/ClassPredictor")):
            kept.append(field_of(1, _renamed(bytes(content))))
    shape = field_of(5, field_of(1, b"dtype") + field_of(2, field_of(6, 1)))
    placeholder = field_of(1, field_of(1, b"input") + field_of(2, b"Placeholder") + shape)
    target.write_bytes(placeholder + b"".join(kept))


def _renamed(node: bytes) -> bytes:
    """The node with the normalized image as its input, if it takes that."""
    return node.replace(field(b"Preprocessor/sub"), field(b"input"))


def field(value: bytes) -> bytes:
    from oracles.frozen_writer import field_of

    return field_of(3, value)
