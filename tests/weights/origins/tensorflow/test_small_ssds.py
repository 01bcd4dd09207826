"""Small SSDs with random weights in TensorFlow's formats: imported, against slow loops in numpy."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from multibox.errors import UsageError, WeightsError
from multibox.models.ssd import SSD
from multibox.priors import PriorSpec, make_priors
from multibox.weights.origins.recognize import import_weights
from oracles import mini_ssd
from oracles.flatbuffer_writer import write_buffer
from oracles.frozen_writer import write_frozen
from oracles.mini_ssd import CLASSES, HEIGHT, WIDTH
from oracles.tflite_writer import Kind, write_tflite

NAMES = tuple("abcd")
OPTIONS = {
    "max_detections": 10,
    "max_classes_per_detection": 1,
    "detections_per_class": 100,
    "use_regular_nms": False,
    "nms_score_threshold": 0.3,
    "nms_iou_threshold": 0.55,
    "num_classes": CLASSES,
    "y_scale": 10.0,
    "x_scale": 8.0,
    "h_scale": 5.0,
    "w_scale": 4.0,
}


def options() -> bytes:
    """The options of the postprocessing, written by the library of FlatBuffers."""
    flexbuffers = pytest.importorskip("flatbuffers.flexbuffers", reason="flatbuffers is not installed")
    return bytes(flexbuffers.Dumps(OPTIONS))


def noise() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def raw(model: SSD, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets with y first, as TensorFlow has them, and logits."""
    with torch.inference_mode():
        offsets, logits = model(torch.from_numpy(image).permute(2, 0, 1)[None])
    return offsets[0][:, [1, 0, 3, 2]].numpy(), logits[0].numpy()


def assert_computes(model: SSD, values: mini_ssd.Values) -> None:
    boxes, classes = mini_ssd.outputs(noise(), values)
    found_boxes, found_classes = raw(model, noise())
    np.testing.assert_allclose(found_boxes, boxes, atol=2e-4)
    np.testing.assert_allclose(found_classes, classes, atol=2e-4)


def assert_priors(model: SSD, anchors: np.ndarray) -> None:
    np.testing.assert_allclose(make_priors(model.config.priors), anchors[:, [1, 0, 3, 2]], atol=1e-6)


@pytest.mark.parametrize("kind", ["float", "half", "int8", "uint8"])
def test_tflite(tmp_path: Path, kind: Kind) -> None:
    """Raw outputs of a file of each precision against the slow loop with the values that its numbers stand for."""
    anchors = mini_ssd.anchors(seed=1)
    content, values = write_tflite(mini_ssd.random_values(seed=3), kind=kind, anchors=anchors, options=options())
    (tmp_path / "mini.tflite").write_bytes(content)
    model = import_weights(tmp_path / "mini.tflite", class_names=NAMES)
    config = model.config
    assert_priors(model, anchors)
    assert (config.score_function, config.variances) == ("sigmoid", (1 / 8, 1 / 10, 1 / 4, 1 / 5))
    assert (config.detection.score_threshold, config.detection.nms_threshold) == (pytest.approx(0.3), 0.55)
    assert model.class_names == NAMES
    if kind in ("int8", "uint8"):  # (number - 128) / 127.5
        assert (config.mean[0], config.std[0]) == (128, pytest.approx(127.5))
        model.normalize_with(mean=(127.5,) * 3, std=(127.5,) * 3)
    assert_computes(model, values)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("score", ["Sigmoid", "Softmax"])
def test_frozen_graph(tmp_path: Path, score: str, batch_norm: bool) -> None:
    """Raw outputs of a frozen graph, with and without batch normalization, against the slow loop."""
    anchors, values = mini_ssd.anchors(seed=2), mini_ssd.random_values(seed=4)
    (tmp_path / "mini.pb").write_bytes(write_frozen(values, anchors=anchors, score=score, batch_norm=batch_norm))
    model = import_weights(tmp_path / "mini.pb", class_names=NAMES)
    assert_priors(model, anchors)
    assert model.config.score_function == score.lower()
    assert (model.config.mean, model.config.std) == ((127.5,) * 3, (127.5,) * 3)
    assert model.config.base.has_batch_norm == batch_norm
    assert_computes(model, values)


def test_without_background(tmp_path: Path) -> None:
    """A file whose class predictions have no background: as many scores as names, and a background of zeros."""
    content, _ = write_tflite(mini_ssd.random_values(seed=6), kind="float", background=False)
    (tmp_path / "mini.tflite").write_bytes(content)
    model = import_weights(tmp_path / "mini.tflite", class_names=NAMES, priors=priors_of_the_network(tmp_path))
    _, classes = mini_ssd.outputs(noise(), mini_ssd.random_values(seed=6))
    _, found = raw(model, noise())
    np.testing.assert_allclose(found[:, 1:], classes[:, 1:], atol=2e-4)
    assert not found[:, 0].any()


@pytest.mark.parametrize(("dropped", "count"), [(1, CLASSES), (0, CLASSES + 1)])
def test_frozen_graphs_say_their_background(tmp_path: Path, dropped: int, count: int) -> None:
    """The slice before suppression decides the number of classes; another number of names is one line."""
    content = write_frozen(mini_ssd.random_values(seed=4), anchors=mini_ssd.anchors(seed=2), dropped=dropped)
    (tmp_path / "mini.pb").write_bytes(content)
    assert len(import_weights(tmp_path / "mini.pb").class_names) == count
    others = tuple("abcde")[: 2 * CLASSES + 1 - count]
    with pytest.raises(UsageError, match=rf"{len(others)} class names for .*, which has {count} classes"):
        import_weights(tmp_path / "mini.pb", class_names=others)


def test_lite_files_say_their_background(tmp_path: Path) -> None:
    """As many names as outputs for a file whose postprocessing has one class fewer: one line, also for lists beside."""
    content, _ = write_tflite(
        mini_ssd.random_values(seed=3), kind="float", anchors=mini_ssd.anchors(seed=1), options=options()
    )
    (tmp_path / "mini.tflite").write_bytes(content)
    (tmp_path / "labelmap.txt").write_text("nothing\na\nb\nc\nd\n")
    assert import_weights(tmp_path / "mini.tflite").class_names[0] == "class 1"
    with pytest.raises(
        UsageError, match=r"5 class names for .*, which has 4 classes: give 4 names, without background"
    ):
        import_weights(tmp_path / "mini.tflite", class_names=("nothing", *NAMES))


def priors_of_the_network(folder: Path) -> PriorSpec:
    """The priors of the same network in a file with anchors."""
    content, _ = write_tflite(
        mini_ssd.random_values(seed=6), kind="float", anchors=mini_ssd.anchors(seed=1), options=options()
    )
    (folder / "other.tflite").write_bytes(content)
    return import_weights(folder / "other.tflite", class_names=NAMES).config.priors


def test_without_anchors(tmp_path: Path) -> None:
    """A file without anchors, with other numbers of boxes than the API's, against the line that asks for priors."""
    content, _ = write_tflite(mini_ssd.random_values(seed=6), kind="float")
    (tmp_path / "mini.tflite").write_bytes(content)
    model = import_weights(tmp_path / "mini.tflite")
    assert model.config.priors.maps[0].boxes_per_cell == 3
    with pytest.raises(UsageError, match="3 class names for"):
        import_weights(tmp_path / "mini.tflite", class_names=("a", "b", "c"))
    with pytest.raises(UsageError, match="whose order of colors is known: leave out --channels"):
        import_weights(tmp_path / "mini.tflite", channels="bgr")


def test_openvino_reads_the_same(tmp_path: Path) -> None:
    """OpenVINO's outputs of the float file and of the frozen graph against ours: the writers are no private dialect."""
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    values = mini_ssd.random_values(seed=7)
    content, _ = write_tflite(values, kind="float")
    (tmp_path / "mini.tflite").write_bytes(content)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(tmp_path / "mini.tflite"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    result = compiled([((noise().astype(np.float32) - 127.5) / 127.5)[None]])
    boxes, classes = raw(import_weights(tmp_path / "mini.tflite"), noise())
    np.testing.assert_allclose(result["boxes"][0], boxes, atol=2e-4)
    np.testing.assert_allclose(result["classes"][0], classes, atol=2e-4)


@pytest.mark.parametrize("name", ["mini.tflite", "mini.pb"])
def test_damaged_files(tmp_path: Path, name: str) -> None:
    """Files cut anywhere, and with changed bytes, against one line or a detector."""
    values = mini_ssd.random_values(seed=8)
    anchors = mini_ssd.anchors(seed=1)
    content = write_frozen(values) if name.endswith("pb") else write_tflite(values, kind="int8", anchors=anchors)[0]
    rng = np.random.default_rng(0)
    for attempt in range(30):
        damaged = bytearray(content)
        if attempt % 2:
            damaged = damaged[: rng.integers(8, len(damaged))]
        else:
            for at in rng.integers(0, len(damaged), 4):
                damaged[at] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(damaged)
        with suppress(WeightsError, UsageError):
            import_weights(tmp_path / name)


def test_files_for_the_edge_tpu(tmp_path: Path) -> None:
    """A compiled file, whose only operator hides the network, against the line that says what to import instead."""
    operator = {0: ("I", 0), 1: np.array([0], "<i4"), 2: np.array([1], "<i4")}
    tensors = [{0: np.array([1, 8, 8, 3], "<i4"), 1: ("b", 3), 3: name} for name in ("in", "out")]
    subgraph = {0: tensors, 1: np.array([0], "<i4"), 2: np.array([1], "<i4"), 3: [operator]}
    model = {0: ("I", 3), 1: [{0: ("b", 32), 1: "edgetpu-custom-op", 3: ("i", 32)}], 2: [subgraph], 4: [{}]}
    (tmp_path / "w.tflite").write_bytes(write_buffer(model, b"TFL3"))
    with pytest.raises(WeightsError, match="is compiled for the Edge TPU"):
        import_weights(tmp_path / "w.tflite")


def test_metadata(tmp_path: Path) -> None:
    """Labels in the archive behind a file, and the normalization that its metadata names."""
    anchors = mini_ssd.anchors(seed=1)
    metadata = write_buffer({3: [{2: [{4: [{0: ("B", 1), 1: {0: np.float32([100]), 1: np.float32([50])}}]}]}]}, b"M001")
    content, _ = write_tflite(
        mini_ssd.random_values(seed=3), kind="float", anchors=anchors, options=options(), metadata=metadata
    )
    labels = io.BytesIO()
    with zipfile.ZipFile(labels, "w") as archive:
        archive.writestr("labelmap.txt", "???\nw\nx\ny\nz\n")
    (tmp_path / "mini.tflite").write_bytes(content + labels.getvalue())
    model = import_weights(tmp_path / "mini.tflite")
    assert model.class_names == ("w", "x", "y", "z")
    assert (model.config.mean, model.config.std) == ((100,) * 3, (50,) * 3)


def test_exports_of_our_own(tmp_path: Path) -> None:
    """A file with multibox's description against the line that it needs no import."""
    model = {0: ("I", 3), 2: [{}], 4: [{}], 6: [{0: "multibox", 1: ("I", 0)}]}
    (tmp_path / "ours.tflite").write_bytes(write_buffer(model, b"TFL3"))
    with pytest.raises(WeightsError, match="is a model that multibox exported: use it without importing it"):
        import_weights(tmp_path / "ours.tflite")


def test_values_that_a_file_does_not_have(tmp_path: Path) -> None:
    """Many tensors on one buffer against an error instead of gigabytes."""
    tensors = [{0: np.array([1 << 16], "<i4"), 1: ("b", 3), 2: ("I", 1), 3: f"t{i}"} for i in range(2000)]
    subgraph = {0: tensors, 1: np.array([0], "<i4"), 2: np.array([0], "<i4"), 3: []}
    model = {0: ("I", 3), 1: [], 2: [subgraph], 4: [{}, {0: bytes(1 << 16)}]}
    (tmp_path / "w.tflite").write_bytes(write_buffer(model, b"TFL3"))
    with pytest.raises(WeightsError, match="damaged or not complete"):
        import_weights(tmp_path / "w.tflite")
