"""Exported files: their contents, their metadata, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from multibox.detection.detector import Detector
from multibox.detection.export.calibration import calibration_images
from multibox.errors import DataError, UsageError, WeightsError
from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings
from multibox.priors import PriorMap, PriorSpec, Step
from multibox.scores import ScoreFunction
from multibox.size import Size
from multibox.weights.exported import KEY, Exported
from multibox.weights.file import save_weights
from tiny_detector import CLASS_NAMES, noise_image, tiny_model, write_image

onnx = pytest.importorskip("onnx", reason="the packages of multibox[export] are not installed")
pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
runtime = pytest.importorskip("onnxruntime", reason="the packages of multibox[export] are not installed")

from multibox.detection.export.onnx import export_onnx, rest_graph  # noqa: E402

Select = Callable[[SSD, np.ndarray, np.ndarray], list[np.ndarray]]


@pytest.fixture(scope="module")
def model() -> SSD:
    return tiny_model()


@pytest.fixture(scope="module")
def exported(model: SSD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    export_onnx(model, path, info={"recipe": "none"})
    return path


def test_the_file_names_its_inputs_and_outputs(exported: Path):
    """Names, types and shapes in the file against the documented ones; ONNX's own checker against complaints."""
    graph = onnx.load(exported)
    onnx.checker.check_model(graph, full_check=True)
    session = runtime.InferenceSession(exported)
    assert [(v.name, v.type, v.shape) for v in session.get_inputs()] == [
        ("images", "tensor(uint8)", ["batch", 300, 300, 3])
    ]
    assert [(v.name, v.type, v.shape) for v in session.get_outputs()] == [
        ("boxes", "tensor(float)", ["batch", 200, 4]),
        ("scores", "tensor(float)", ["batch", 200]),
        ("labels", "tensor(int64)", ["batch", 200]),
        ("priors", "tensor(int64)", ["batch", 200]),
    ]


def test_the_file_describes_its_detector(exported: Path, model: SSD):
    """The metadata of the file against the model's class names and settings."""
    entries = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    described = Exported.from_text(entries[KEY], path=exported)
    assert described == Exported.of(model, info={"recipe": "none"}, precision="fp32", end="detections", batch=None)
    assert json.loads(entries[KEY])["class_names"] == list(CLASS_NAMES)


def test_a_loaded_file_is_a_detector(exported: Path, model: SSD):
    """Detector.load of the file against the model in memory: scores, class names, info, engine."""
    detector = Detector.load(exported, engine="onnxruntime")
    image = noise_image(seed=1)
    found, expected = detector(image), Detector(model)(image)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert (detector.class_names, detector.input_size) == (CLASS_NAMES, (300, 300))
    assert detector.info == {"recipe": "none"}
    assert "ONNX Runtime" in detector.engine.config.description


def test_the_fastest_engine_installed_is_chosen(exported: Path, monkeypatch: pytest.MonkeyPatch):
    """The engine of an ONNX file with and without OpenVINO, and for a device that OpenVINO does not serve."""
    if find_spec("openvino"):
        assert "OpenVINO" in Detector.load(exported).engine.config.description
    with pytest.raises(UsageError, match="this ONNX Runtime has no support for the device 'tpu'"):
        Detector.load(exported, device="tpu")
    monkeypatch.setattr("multibox.detection.engines.load.find_spec", lambda name: None if name == "openvino" else True)
    assert "ONNX Runtime" in Detector.load(exported).engine.config.description


def select_in_onnx(model: SSD, offsets: np.ndarray, logits: np.ndarray) -> list[np.ndarray]:
    session = runtime.InferenceSession(rest_graph(model, end="detections").SerializeToString())
    return session.run(None, {"offsets": offsets, "logits": logits})


def select_in_openvino(model: SSD, offsets: np.ndarray, logits: np.ndarray) -> list[np.ndarray]:
    openvino = pytest.importorskip("openvino", reason="the packages of multibox[openvino] are not installed")
    from multibox.detection.export.openvino import openvino_rest

    rest = openvino_rest(model, end="detections")
    compiled = openvino.Core().compile_model(rest, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(compiled([offsets, logits]).values())


@pytest.mark.parametrize("select", [select_in_onnx, select_in_openvino])
@pytest.mark.parametrize(("clip", "function"), [(False, "softmax"), (True, "softmax"), (True, "sigmoid")])
@pytest.mark.parametrize(
    "rule",
    [
        DetectionSettings(),
        DetectionSettings(score_threshold=0.2, nms_threshold=0.3, per_class=7, per_image=200),
        DetectionSettings(score_threshold=0.05, nms_threshold=0.8, per_class=30, per_image=5),
    ],
)
def test_the_choice_in_the_graph_is_the_official_one(
    rule: DetectionSettings, clip: bool, function: ScoreFunction, select: Select
):
    """Decoding, limits and suppression in the graph on random outputs of three images against SSD.postprocess.

    The first image has no candidate, the second few, the third many.
    """
    maps = (
        PriorMap(Size(6, 5), Step(50.0, 60.0), 40.0, 90.0, (2.0,)),
        PriorMap(Size(2, 2), Step(150.0, 150.0), 120.0, None, ()),
    )
    config = replace(
        tiny_model().config,
        priors=PriorSpec(Size(300, 300), maps),
        sources=(0, 1),
        clip=clip,
        detection=rule,
        score_function=function,
    )
    model = SSD(config, CLASS_NAMES)
    random = np.random.default_rng(0)
    offsets = random.normal(scale=2, size=(3, config.priors.count, 4)).astype(np.float32)
    logits = random.normal(scale=2, size=(3, config.priors.count, 4)).astype(np.float32)
    less = np.array([50, 6, 0], dtype=np.float32)[:, None]
    if function == "softmax":
        logits[:, :, 0] += less
    else:
        logits[:, :, 1:] -= less[:, :, None]
    boxes, scores, labels, priors = select(model, offsets, logits)
    wanted = model.postprocess(torch.from_numpy(offsets), torch.from_numpy(logits))
    assert len(wanted[0].scores) == 0
    for i, selection in enumerate(wanted):
        count = len(selection.scores)
        assert (labels[i] >= 0).sum() == count
        np.testing.assert_allclose(scores[i, :count], selection.scores, atol=1e-6)
        np.testing.assert_allclose(boxes[i, :count], selection.boxes, atol=1e-5)
        np.testing.assert_array_equal(labels[i, :count], selection.labels)
        np.testing.assert_array_equal(priors[i, :count], selection.priors)
        assert (labels[i, count:] == -1).all()
        assert (priors[i, count:] == -1).all()
        assert (scores[i, count:] == 0).all()
        assert (boxes[i, count:] == 0).all()


def test_narrow_weights_fixed_batch_and_raw_outputs(model: SSD, exported: Path, tmp_path: Path):
    """A file with all three options: its size, shape and outputs against the whole file's and the model."""
    path = tmp_path / "narrow.onnx"
    export_onnx(model, path, precision="fp16", batch=2, end="raw")
    assert path.stat().st_size < exported.stat().st_size
    session = runtime.InferenceSession(path)
    assert session.get_inputs()[0].shape == [2, 300, 300, 3]
    assert [value.name for value in session.get_outputs()] == ["offsets", "logits"]
    images = [noise_image(seed=i) for i in range(3)]
    for found, expected in zip(Detector.load(path)(images), Detector(model)(images), strict=True):
        np.testing.assert_allclose(found.scores, expected.scores, atol=5e-3)


def test_calibration_images_are_spread_over_a_folder(tmp_path: Path):
    """Three of five images, one of them broken, against the first, the middle and the last of a sorted folder."""
    for i in range(5):
        write_image(tmp_path / f"{i}.png", np.full((4, 4, 3), 50 * i, dtype=np.uint8))
    found = calibration_images(tmp_path, input_size=Size(6, 8), limit=3)
    assert [image.shape for image in found] == [(6, 8, 3)] * 3
    assert [int(image[0, 0, 0]) for image in found] == [0, 100, 200]
    (tmp_path / "0.png").write_bytes(b"nothing")
    assert len(calibration_images(tmp_path, input_size=Size(6, 8), limit=3)) == 2
    with pytest.raises(DataError, match="none of the 1 images"):
        calibration_images(tmp_path, input_size=Size(6, 8), limit=1)


def test_wrong_use_names_the_next_step(exported: Path, model: SSD, tmp_path: Path):
    """Files and options that do not go together against one line that names the value and the next step."""
    weights = tmp_path / "tiny.safetensors"
    save_weights(weights, model)
    for source, options, message in (
        (exported, {"engine": "caffe"}, r"'caffe' is not known: choose one of packed, openvino"),
        (exported, {"engine": "torch"}, r"'torch' cannot run .*tiny\.onnx: choose openvino or onnxruntime"),
        (exported, {"precision": "bf16"}, r"'bf16' cannot be chosen .*tiny\.onnx.*export it"),
        (exported, {"device": "tpu", "engine": "onnxruntime"}, r"no support for the device 'tpu'"),
        (weights, {"engine": "onnxruntime"}, r"cannot run .*tiny\.safetensors: choose .*export it"),
        (weights, {"precision": "fp8"}, r"'fp8' is not known: choose fp32 or bf16"),
    ):
        with pytest.raises(UsageError, match=message):
            Detector.load(source, **options)
    with pytest.raises(UsageError, match="int8 needs images"):
        export_onnx(model, tmp_path / "a.onnx", precision="int8")


def test_files_that_are_no_detectors(tmp_path: Path):
    """Missing, damaged, foreign, and newer files against one line that names the file."""
    with pytest.raises(WeightsError, match=r"missing\.onnx does not exist"):
        Detector.load(tmp_path / "missing.onnx")
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"damaged")
    with pytest.raises(WeightsError, match=r"cannot load .*damaged\.onnx"):
        Detector.load(damaged)
    with pytest.raises(WeightsError, match="does not describe"):
        Exported.from_text(None, path="a.onnx")
    with pytest.raises(WeightsError, match=r"damaged description"):
        Exported.from_text("{}", path="a.onnx")
    with pytest.raises(WeightsError, match=r"format 99.*install a newer"):
        Exported.from_text(json.dumps({"format": 99, "version": "9.0"}), path="a.onnx")
