"""Detectors of other programs in LiteRT, which select their detections themselves, against the same files imported."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multibox.bench.detect import bench_detect, candidates
from multibox.detection.detector import Detector
from multibox.detection.engines import litert
from multibox.detection.engines.load import engines_for, load_engine
from multibox.detection.explain.explain import explain
from multibox.detections import Detections
from multibox.errors import UsageError, WeightsError
from oracles import mini_ssd
from oracles.tflite_writer import Kind, write_tflite
from shared_data import shared
from tiny_detector import write_image

pytest.importorskip("ai_edge_litert", reason="the package of multibox[litert-runtime] is not installed")
flatbuffers = pytest.importorskip("flatbuffers", reason="flatbuffers is not installed")
flexbuffers = pytest.importorskip("flatbuffers.flexbuffers", reason="flatbuffers is not installed")

OPTIONS: dict[str, int | float | bool] = {
    "max_detections": 100,
    "max_classes_per_detection": 1,
    "detections_per_class": 100,
    "use_regular_nms": True,
    "nms_score_threshold": 0.3,
    "nms_iou_threshold": 0.55,
    "num_classes": mini_ssd.CLASSES,
    "y_scale": 10.0,
    "x_scale": 8.0,
    "h_scale": 5.0,
    "w_scale": 4.0,
}
OPEN_IMAGES, LABELS = "models/ssd_mobilenetv2_oidv4_fp16.tflite", "models/ssd_mobilenetv2_oidv4_labels.txt"
CODE = """
import json, sys, multibox
from multibox.detection.engines import load
load.find_spec = lambda name: None if name == "torch" else True  # as if PyTorch were missing
found = multibox.Detector.load(sys.argv[1])(sys.argv[2])
print(json.dumps({"scores": found.scores.tolist(), "torch": "torch" in sys.modules}))
"""


def noise(seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (90, 70, 3), dtype=np.uint8)


def written(path: Path, *, kind: Kind = "float", **changed: Any) -> Path:
    options = bytes(flexbuffers.Dumps(OPTIONS | changed))
    values, anchors = mini_ssd.random_values(seed=3), mini_ssd.anchors(seed=1)
    path.write_bytes(write_tflite(values, kind=kind, anchors=anchors, options=options)[0])
    return path


def both(path: Path) -> tuple[Detector, Detector]:
    return Detector.load(path, engine="litert"), Detector.load(path, engine="torch", device="cpu")


def assert_same(found: Detections, expected: Detections) -> None:
    assert len(found) == len(expected) > 0
    assert found.labels.tolist() == expected.labels.tolist()
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.01)


@pytest.mark.parametrize("kind", ["float", "half"])
def test_detections_are_those_of_the_imported_file(tmp_path: Path, kind: Kind) -> None:
    """Regular suppression: boxes, scores and labels of three images in one call, against our own selection."""
    native, imported = both(written(tmp_path / "mini.tflite", kind=kind))
    images = [noise(seed) for seed in range(3)]
    for found, expected in zip(native(images), imported(images), strict=True):
        assert_same(found, expected)
        assert set(found.priors.tolist()) == {-1}
    assert "LiteRT" in native.engine.config.description
    with pytest.raises(
        UsageError, match="does not show offsets and scores of all priors: explain with the weight file"
    ):
        explain(native, images[0])
    assert_same(pickle.loads(pickle.dumps(native))(images[0]), imported(images[0]))


def test_weights_of_8_bits(tmp_path: Path) -> None:
    """LiteRT rounds activations too, so scores differ a little: those at the top against the imported file's."""
    native, imported = both(written(tmp_path / "mini.tflite", kind="weights"))
    found, expected = native(noise()), imported(noise())
    np.testing.assert_allclose(found.scores[:20], expected.scores[:20], atol=0.01)


def test_fast_suppression_is_over_all_classes(tmp_path: Path) -> None:
    """No two boxes of any class overlap by more than the threshold; the limit of the file counts."""
    path = written(tmp_path / "mini.tflite", use_regular_nms=False, max_detections=7)
    found = Detector.load(path, engine="litert")(noise())
    assert len(found) == 7
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    low = np.maximum(found.boxes[:, None, :2], found.boxes[:, :2])
    high = np.minimum(found.boxes[:, None, 2:], found.boxes[:, 2:])
    shared_area = np.prod((high - low).clip(0), axis=2)
    area = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    overlap = shared_area / (area[:, None] + area - shared_area)
    np.fill_diagonal(overlap, 0)
    assert overlap.max() < 0.75  # clipping to the image changes overlaps; kept boxes are below 0.55 before it


def test_photographs(tmp_path: Path) -> None:
    """Open Images' SSD MobileNetV2 with the operator behind it, in photographs, against the imported network."""
    from multibox.priors import make_priors
    from multibox.size import Size
    from multibox.weights.origins.tensorflow.anchors import api_spec
    from multibox.weights.origins.tensorflow.labels import read_labels_file
    from oracles.postprocess_writer import with_postprocess

    source = shared(OPEN_IMAGES)
    cells = [Size(n, n) for n in (19, 10, 5, 3, 2, 1)]
    spec = api_spec(Size(300, 300), cells, boxes_per_cell=(3, 6, 6, 6, 6, 6))
    assert spec is not None
    content = with_postprocess(
        source.read_bytes(),
        boxes="raw_outputs/box_encodings",
        classes="raw_outputs/class_predictions",
        anchors=make_priors(spec)[:, [1, 0, 3, 2]],
        options=OPTIONS
        | {"num_classes": 23, "x_scale": 10.0, "w_scale": 5.0, "nms_score_threshold": 0.1, "nms_iou_threshold": 0.6},
    )
    (tmp_path / "open.tflite").write_bytes(content)
    (tmp_path / "labelmap.txt").write_text(shared(LABELS).read_text())
    native, imported = both(tmp_path / "open.tflite")
    assert native.class_names == imported.class_names == read_labels_file(shared(LABELS))
    for path in sorted(shared("data/voc_100/VOC2012/JPEGImages").glob("*.jpg"))[:4]:
        assert_same(native(path), imported(path))


def test_it_needs_no_torch(tmp_path: Path) -> None:
    """In a new interpreter without PyTorch, LiteRT is the default, and `sys.modules` has no torch."""
    path = written(tmp_path / "mini.tflite")
    write_image(tmp_path / "noise.png", noise())
    words = [sys.executable, "-c", CODE, str(path), str(tmp_path / "noise.png")]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["torch"] is False
    expected = Detector.load(path, engine="torch", device="cpu")(noise())
    np.testing.assert_allclose(found["scores"], expected.scores, atol=1e-5)


def test_threads_lose_no_detections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of four threads against the imported network: suppression in several threads loses detections."""
    monkeypatch.setattr(litert, "engine_threads", lambda: 4)
    native, imported = both(written(tmp_path / "mini.tflite"))
    assert_same(native(noise()), imported(noise()))


def test_choice_of_the_engine(tmp_path: Path) -> None:
    """Importing comes first, because it gives priors and other engines; LiteRT is offered for such files only."""
    ending = written(tmp_path / "mini.tflite")
    raw = tmp_path / "raw.tflite"
    content = write_tflite(mini_ssd.random_values(seed=3), kind="float")[0]
    raw.write_bytes(content)  # it lists the operator and does not use it
    with pytest.raises(WeightsError, match="does not end with TFLite_Detection_PostProcess: import it as weights"):
        load_engine(raw, engine="litert")
    raw.write_bytes(content.replace(b"TFLite_Detection_PostProcess", b"TFLite_Detection_Otherwise!!"))
    assert [entry.name for entry in engines_for(ending)] == ["packed", "openvino", "torch", "litert"]
    assert "litert" not in [entry.name for entry in engines_for(raw)]
    with pytest.raises(
        UsageError,
        match=r"raw\.tflite, which is no file of .* TFLite_Detection_PostProcess: choose packed .* weights import",
    ):
        load_engine(raw, engine="litert")
    with pytest.raises(UsageError, match="'bf16' cannot be chosen"):
        load_engine(ending, engine="litert", precision="bf16")
    with pytest.raises(UsageError, match="no support for the device 'cuda'"):
        load_engine(ending, engine="litert", device="cuda")


def test_bench_counts_the_operations_of_the_imported_network(tmp_path: Path) -> None:
    """`bench detect` with LiteRT on such a file against the operations of the packed engine."""
    source = str(written(tmp_path / "mini.tflite"))
    wanted = [one for name in ("litert", "packed") for one in candidates(source, engine=name)[:1]]
    path = write_image(tmp_path / "noise.png", noise())
    rows = bench_detect(wanted, images=[path], batches=[1], rounds=1)["engines"]
    assert rows[0]["giga_operations_per_image"] == rows[1]["giga_operations_per_image"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"max_detections": 2_000_000_000}, "asks for 2000000000 detections, 1 to 10000 are allowed"),
        ({"max_detections": 0}, "asks for 0 detections"),
        ({"max_classes_per_detection": 0}, "asks for 0 detections"),
        ({"num_classes": 1_000_000}, "says that it has 1000000 classes"),
        ({"num_classes": float("nan")}, "damaged or not complete"),
        ({"detections_per_class": -1}, "asks for"),
    ],
)
def test_hostile_settings(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    """Settings that would cost memory against one line."""
    path = written(tmp_path / "mini.tflite", **changed)
    with pytest.raises(WeightsError, match=words):
        load_engine(path, engine="litert")


def test_anchors_that_are_no_floats(tmp_path: Path) -> None:
    """Anchors declared as whole numbers, for which LiteRT ends the process, against one line."""
    from ai_edge_litert import schema_py_generated as schema

    content = bytearray(written(tmp_path / "mini.tflite").read_bytes())
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    anchors = next(tensor for tensor in model.subgraphs[0].tensors if tensor.name == b"anchors")
    anchors.type = schema.TensorType.INT32
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "mini.tflite").write_bytes(bytes(builder.Output()))
    with pytest.raises(WeightsError, match="gives its TFLite_Detection_PostProcess no anchors"):
        load_engine(tmp_path / "mini.tflite", engine="litert")


def test_damaged_files(tmp_path: Path) -> None:
    """Files cut anywhere against one line."""
    content = written(tmp_path / "mini.tflite").read_bytes()
    cut = tmp_path / "cut.tflite"
    for part in range(1, 12):
        cut.write_bytes(content[: len(content) * part // 12] + b"TFLite_Detection_PostProcess")
        with pytest.raises(WeightsError, match=r"cut\.tflite"):
            load_engine(cut, engine="litert")
