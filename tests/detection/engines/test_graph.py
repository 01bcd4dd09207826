"""Exported models whose graph contradicts their description, in both engines."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from multibox.detection.detector import Detector
from multibox.errors import WeightsError
from multibox.models.ssd import SSD
from multibox.weights.exported import KEY, Exported
from tiny_detector import tiny_model

pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
onnx = pytest.importorskip("onnx", reason="the packages of multibox[export] are not installed")
ENGINES = ("onnxruntime", "openvino")


@pytest.fixture(scope="module")
def model() -> SSD:
    return tiny_model()


@pytest.fixture(scope="module", params=["raw", "boxes", "detections"])
def file(request: pytest.FixtureRequest, model: SSD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from multibox.detection.export.onnx import export_onnx

    path = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    export_onnx(model, path, end=request.param)
    return path


def described(file: Path, target: Path, exported: Exported) -> Path:
    """A copy of the file with another description."""
    graph = onnx.load(file)
    for entry in graph.metadata_props:
        if entry.key == KEY:
            entry.value = exported.to_text()
    onnx.save(graph, target)
    return target


def read(file: Path) -> Exported:
    entries = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    return Exported.from_text(entries[KEY], path=file)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_contradiction_is_named(file: Path, tmp_path: Path, engine: str):
    """Another input size, other outputs, another number of classes and of images against one line each."""
    pytest.importorskip(engine, reason="the engine is not installed")
    own = read(file)
    Detector.load(described(file, tmp_path / "same.onnx", own), engine=engine)
    larger = own.network | {"priors": own.network["priors"] | {"input_size": [304, 300]}}
    wrong = {
        "end": (replace(own, end="boxes" if own.end == "raw" else "raw"), "instead of images, "),
        "size": (replace(own, network=larger), "images has shape"),
    }
    if own.end != "detections":
        shown = {
            "raw": r"logits has shape .* x 4 instead of any x \d+ x 3",
            "boxes": r"scores has .* x 3 instead of .* x 2",
        }
        wrong["classes"] = (replace(own, class_names=("a", "b")), shown[own.end])
    for name, (exported, message) in wrong.items():
        with pytest.raises(WeightsError, match=message):
            Detector.load(described(file, tmp_path / f"{name}.onnx", exported), engine=engine)


def with_wide_output(file: Path, target: Path) -> str:
    """Write a copy of the file whose first output is cast to float64; return the name of this output."""
    graph = onnx.load(file)
    output = graph.graph.output[0]
    producer = next(node for node in graph.graph.node if output.name in node.output)
    producer.output[list(producer.output).index(output.name)] = "narrow"
    graph.graph.node.append(onnx.helper.make_node("Cast", ["narrow"], [output.name], to=onnx.TensorProto.DOUBLE))
    output.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    onnx.save(graph, target)
    return output.name


@pytest.mark.parametrize("engine", ENGINES)
def test_another_type_is_named(file: Path, tmp_path: Path, engine: str):
    """An output of another type against one line with both types."""
    pytest.importorskip(engine, reason="the engine is not installed")
    name = with_wide_output(file, tmp_path / "wide.onnx")
    with pytest.raises(WeightsError, match=f"{name} has type float64 instead of float32; export it again"):
        Detector.load(tmp_path / "wide.onnx", engine=engine)


@pytest.mark.parametrize(("field", "value"), [("precision", "fp8"), ("end", "nms"), ("batch", 0), ("batch", "two")])
def test_a_wrong_export_is_named(file: Path, field: str, value: object):
    """A value that no export has against one line with the value."""
    with pytest.raises(WeightsError, match=f"damaged description of its export: .*{value}"):
        Exported.from_text(json.dumps({**json.loads(read(file).to_text()), field: value}), path=file)
