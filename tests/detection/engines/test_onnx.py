"""ONNX Runtime behind the Detector: fixed batch sizes, and both kinds of outputs."""

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from fuzz import seeds
from multibox.bench.detect import candidates
from multibox.detection.engines.exported import filled_rows, join_outputs, split_batch
from multibox.detection.engines.load import load_engine
from multibox.detection.engines.onnx import OnnxEngine, choose_providers
from multibox.errors import UsageError, WeightsError


def test_pieces_are_filled_up_and_joined_to_the_same():
    """Seven images in batches of three, with the mean of each as output, against the means of all images together."""
    images = np.random.default_rng(0).integers(0, 256, (7, 2, 2, 3), dtype=np.uint8)
    parts = split_batch(images, size=3)
    assert [len(part) for part in parts] == [3, 3, 3]
    assert (parts[2][1:] == 0).all()
    (means,) = join_outputs([(part.mean(axis=(1, 2, 3)),) for part in parts], count=7)
    np.testing.assert_allclose(means, images.mean(axis=(1, 2, 3)))


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.longlong])
def test_rows_without_detections_are_left_out(kind: type):
    """Two images, one with two filled rows of three and one with none, against the contents of the rows.

    Older exports have no priors; these become -1.
    """
    boxes = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    scores = np.array([[0.9, 0.5, 0], [0, 0, 0]], dtype=np.float32)
    labels = np.array([[1, 0, -1], [-1, -1, -1]], dtype=kind)
    first, second = filled_rows(boxes, scores, labels, np.array([[7, 3, -1], [-1, -1, -1]], dtype=kind))
    assert first.labels.tolist() == [1, 0]
    assert first.scores.tolist() == pytest.approx([0.9, 0.5])
    assert first.boxes.tolist() == boxes[0, :2].tolist()
    assert first.priors.tolist() == [7, 3]
    assert second.boxes.shape == (0, 4)
    older = filled_rows(boxes, scores, labels)[0]
    assert older.priors.tolist() == [-1, -1]


def test_providers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What is asked of builds with and without NVIDIA's providers, which need no GPU to be listed."""
    monkeypatch.setenv("MULTIBOX_CACHE", str(tmp_path))
    cpu, cuda, tensorrt = (f"{name}ExecutionProvider" for name in ("CPU", "CUDA", "Tensorrt"))
    every = [tensorrt, cuda, cpu]
    assert choose_providers([cpu], device="cpu") == [(cpu, {})]
    assert choose_providers(every, device="cuda") == [(cuda, {"device_id": 0}), (cpu, {})]
    assert choose_providers(every, device="cuda:1")[0] == (cuda, {"device_id": 1})
    first, *others = choose_providers(every, device="cuda:1", tensorrt=True)
    assert first[0] == tensorrt
    assert first[1].items() >= {"device_id": 1, "trt_engine_cache_path": str(tmp_path / "tensorrt")}.items()
    assert (tmp_path / "tensorrt").is_dir()
    assert [name for name, _ in others] == [cuda, cpu]
    with pytest.raises(UsageError, match="no support for the device 'cuda': install onnxruntime-gpu"):
        choose_providers([cpu], device="cuda")
    with pytest.raises(UsageError, match="no support for TensorRT: install onnxruntime-gpu"):
        choose_providers([cuda, cpu], device="cuda", tensorrt=True)
    with pytest.raises(UsageError, match="no support for the device 'cuda:x'"):
        choose_providers(every, device="cuda:x")


class CpuOnlySession:
    """A stand-in for a session of ONNX Runtime that could not load NVIDIA's libraries."""

    asked: ClassVar[list[str]] = []

    def __init__(self, path: Path, options: object, *, providers: list[tuple[str, dict]], **others: object) -> None:
        type(self).asked = [name for name, _ in providers]

    def get_modelmeta(self) -> SimpleNamespace:
        return SimpleNamespace(custom_metadata_map={})

    def get_inputs(self) -> list[object]:
        return []

    get_outputs = get_inputs

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]


def test_a_provider_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """ONNX Runtime silently takes the CPU in that case; here one line says so. The engine is never a default."""
    runtime = pytest.importorskip("onnxruntime", reason="the engine is not installed")
    monkeypatch.setenv("MULTIBOX_CACHE", str(tmp_path))
    names = [f"{name}ExecutionProvider" for name in ("Tensorrt", "CUDA", "CPU")]
    monkeypatch.setattr(runtime, "get_available_providers", lambda: names)
    monkeypatch.setattr(runtime, "InferenceSession", CpuOnlySession)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"model")
    with pytest.raises(UsageError, match="could not start TensorrtExecutionProvider and would use CPUExec"):
        load_engine(path, engine="tensorrt")
    assert CpuOnlySession.asked == names
    with pytest.raises(UsageError, match="could not start CUDAExecutionProvider"):
        load_engine(path, device="cuda")
    assert CpuOnlySession.asked == names[1:]
    with pytest.raises(UsageError, match="'tensorrt' needs an NVIDIA GPU: choose --device cuda"):
        load_engine(path, engine="tensorrt", device="cpu")
    assert "tensorrt" not in [one.engine for one in candidates(str(path))]


def test_a_description_that_is_no_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """A model whose metadata are not UTF-8 against an error of one line; ONNX Runtime prints nothing."""
    pytest.importorskip("onnxruntime", reason="the engine is not installed")
    pytest.importorskip("onnx", reason="the packages of multibox[export] are not installed")
    path = tmp_path / "model.onnx"
    path.write_bytes(seeds.onnx()["model.onnx"].replace(b'"version"', b'"\xff\xff\xff\xff\xff\xff\xff"'))
    with pytest.raises(WeightsError, match=r"^ONNX Runtime cannot load .*model.onnx .*: export it again$"):
        OnnxEngine(path)
    assert capfd.readouterr().out == ""


def test_a_model_of_another_program(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """A file whose weights are inputs, too, as old exporters wrote it: one line, and no warnings of ONNX Runtime."""
    onnx = pytest.importorskip("onnx", reason="the packages of multibox[export] are not installed")
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    make, number = onnx.helper, onnx.TensorProto.FLOAT
    ports = [make.make_tensor_value_info(name, number, [1]) for name in ("x", "w", "y")]
    weight = make.make_tensor("w", number, [1], [2.0])
    graph = make.make_graph([make.make_node("Mul", ["x", "w"], ["y"])], "g", ports[:2], ports[2:], [weight])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 11)], ir_version=8)
    (tmp_path / "w.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsError, match=r"is an ONNX model of another program and does not .*: give a file of"):
        OnnxEngine(tmp_path / "w.onnx")
    assert capfd.readouterr() == ("", "")
