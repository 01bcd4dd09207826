"""Models that end with boxes or raw outputs: their numbers against PyTorch, in ONNX Runtime and in OpenCV."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from multibox.coder import Coder
from multibox.detection.detector import Detector
from multibox.detection.export.export import export
from multibox.errors import UsageError
from multibox.images.decode import read_image
from multibox.images.prepare import resize_to_input
from multibox.models.ssd import SSD
from multibox.postprocess import class_scores, decode_boxes
from multibox.weights.file import save_weights
from multibox.weights.source import open_weights
from shared_data import shared
from tiny_detector import noise_image, tiny_model

onnx = pytest.importorskip("onnx", reason="the packages of multibox[export] are not installed")
pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
runtime = pytest.importorskip("onnxruntime", reason="the packages of multibox[export] are not installed")

from multibox.detection.export.onnx import export_onnx  # noqa: E402

COMMON = {
    *("Add", "Cast", "Clip", "Concat", "Constant", "Conv", "Div", "Exp", "HardSwish", "Max", "MaxPool", "Min", "Mul"),
    *("Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Sub", "Transpose", "Unsqueeze"),
    *("Reciprocal", "ReduceSum", "GlobalAveragePool", "ReduceMean"),
}
"""Operations that every runtime has."""

OTHER_PYTHON = "MULTIBOX_OTHER_OPENCV"
"""An environment variable: a Python with another version of OpenCV."""

RUN_IN_OPENCV = """
import sys, cv2, numpy as np
net = cv2.dnn.readNetFromONNX(sys.argv[1])
boxes, scores = [], []
for image in np.load(sys.argv[2]):
    net.setInput(image[None])
    for kept, output in zip((boxes, scores), net.forward(["boxes", "scores"])):
        kept.append(output.reshape(output.shape[-2:]))
np.savez(sys.argv[3], boxes=np.stack(boxes), scores=np.stack(scores), version=cv2.__version__)
"""


def boxes_and_scores(model: SSD, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a model that ends with boxes should return."""
    with torch.inference_mode():
        offsets, logits = model(torch.from_numpy(images).permute(0, 3, 1, 2))
        boxes = decode_boxes(offsets, coder=model.coder, clip=model.config.clip)
    return boxes.numpy(), class_scores(logits).numpy()


def inputs(model: SSD, sources: list) -> np.ndarray:
    return np.stack([resize_to_input(read_image(s), model.config.input_size).pixels for s in sources])


def test_boxes_of_all_priors(tmp_path: Path):
    """Outputs in ONNX Runtime against PyTorch; operations against a list; all shapes against fixed numbers."""
    plain = tiny_model()
    model = SSD(replace(plain.config, clip=True), plain.class_names)
    model.load_state_dict(plain.state_dict())
    path = tmp_path / "boxes.onnx"
    export_onnx(model.eval(), path, end="boxes", batch=1)
    graph = onnx.load(path)
    onnx.checker.check_model(graph, full_check=True)
    assert {node.op_type for node in graph.graph.node} <= COMMON
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", 10)]
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.graph.input, *graph.graph.output)]
    assert shapes == [[1, 300, 300, 3], [1, 8732, 4], [1, 8732, 3]]
    images = inputs(model, [noise_image(seed=1), noise_image(seed=2)])
    session = runtime.InferenceSession(path)
    found = [
        np.concatenate(rows) for rows in zip(*(session.run(None, {"images": i[None]}) for i in images), strict=True)
    ]
    for ours, expected in zip(found, boxes_and_scores(model, images), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("python", ["this", "other"])
def test_boxes_in_opencv(tmp_path: Path, python: str):
    """The shipped detector in OpenCV's dnn on photographs against PyTorch, boxes and scores of all priors.

    OpenCV 5 accepts the documented uint8 only, earlier versions also accept float32.
    """
    command = {"this": sys.executable, "other": os.environ.get(OTHER_PYTHON)}[python]
    if command is None:
        pytest.skip(f"{OTHER_PYTHON} does not name a Python with another OpenCV")
    photographs = sorted(shared("data/voc_100/VOC2012/JPEGImages").glob("*.jpg"))[:3]
    path = export("lite320-animals", format="onnx", end="boxes", out=tmp_path / "boxes.onnx")
    model, _ = open_weights("lite320-animals")
    images = inputs(model, photographs)
    np.save(tmp_path / "images.npy", images)
    files = [str(tmp_path / name) for name in ("boxes.onnx", "images.npy", "found.npz")]
    subprocess.run([command, "-c", RUN_IN_OPENCV, *files], check=True, env={**os.environ, "PYTHONPATH": ""})
    found = np.load(tmp_path / "found.npz")
    assert (str(found["version"]) == cv2.__version__) == (python == "this")
    expected = boxes_and_scores(model, images)
    assert expected[1].max() > 0.5
    np.testing.assert_allclose(found["boxes"], expected[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["scores"], expected[1], rtol=0, atol=1e-5)
    assert path.stat().st_size > 1_000_000


@pytest.fixture(scope="module", params=[("boxes", 1), ("boxes", "dynamic"), ("raw", 2)], ids="{0[0]} {0[1]}".format)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model in a file that leaves the selection to the engine."""
    end, batch = request.param
    weights = tmp_path_factory.mktemp("ends") / "tiny.safetensors"
    save_weights(weights, tiny_model())
    path = export(weights, format="onnx", end=end, batch=batch)
    assert path == weights.with_name(f"tiny-{end}.onnx")
    return path


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_the_detector_selects(file: Path, engine: str):
    """Detections of the file against those of the model, for three images."""
    pytest.importorskip(engine, reason="the engine is not installed")
    images = [noise_image(seed=i) for i in range(3)]
    wanted = Detector(tiny_model())(images)
    for found, expected in zip(Detector.load(file, engine=engine)(images), wanted, strict=True):
        assert found.labels.tolist() == expected.labels.tolist()
        assert found.priors.tolist() == expected.priors.tolist()
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.01)


def test_priors_beside_a_raw_model(tmp_path: Path):
    """The priors and variances of the JSON file against those of the model, bit for bit."""
    save_weights(tmp_path / "tiny.safetensors", tiny_model())
    export(tmp_path / "tiny.safetensors", format="onnx", end="raw", priors=tmp_path / "priors.json")
    content = json.loads((tmp_path / "priors.json").read_text())
    coder = Coder(tiny_model().config.priors)
    assert np.array_equal(np.array(content["priors"], np.float32), coder.priors.numpy())
    assert np.array_equal(np.array(content["variances"], np.float32), coder.variances.numpy())


def test_options_that_do_not_go_together(tmp_path: Path):
    """One line for each, before anything is written."""
    for options, message in (
        ({"end": "nms"}, "--end 'nms' is not known for onnx: choose detections or boxes or raw"),
        ({"end": "boxes", "priors": tmp_path / "p.json"}, "--priors with --end boxes"),
        ({"end": "raw", "priors": tmp_path / "p.csv"}, "has no suffix .json"),
        ({"batch": 0}, "--batch 0 is not possible"),
        ({"batch": 5000}, "--batch 5000 is not possible"),
    ):
        with pytest.raises(UsageError, match=message):
            export("lite320-animals", format="onnx", out=tmp_path / "a.onnx", **options)
    assert list(tmp_path.iterdir()) == []
