"""The default engine of a file, by the number of images to come; without loading an engine."""

from dataclasses import replace
from pathlib import Path

import pytest

from multibox.detection.engines import load
from multibox.detection.engines.load import ENGINES, FEW_IMAGES, load_engine, why_chosen
from multibox.errors import UsageError


@pytest.fixture(autouse=True)
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table without packages that could be missing here."""
    monkeypatch.setattr(load, "ENGINES", tuple(replace(entry, package=None) for entry in ENGINES))


@pytest.mark.parametrize(
    ("images", "name"),
    [(1, "onnxruntime"), (FEW_IMAGES, "onnxruntime"), (FEW_IMAGES + 1, "openvino"), (None, "openvino")],
)
def test_few_images_get_the_engine_that_starts_soon(monkeypatch: pytest.MonkeyPatch, images: int | None, name: str):
    """The engine that is asked to load a .onnx file against the rule of the table."""
    asked: list[str] = []
    monkeypatch.setattr(load, "import_module", lambda module: asked.append(module.rpartition(".")[2]) or Loader)
    load_engine("model.onnx", images=images)
    assert asked == [{"onnxruntime": "onnx"}.get(name, name)]


def test_the_reason_names_both_engines_only_if_the_number_decides():
    """Files with one engine, many images and a given engine have no reason to be told; one .onnx file has."""
    reason = why_chosen("model.onnx", device=None, engine=None, images=1)
    assert reason is not None
    assert reason.startswith("onnxruntime ")
    assert "openvino" in reason
    assert why_chosen("model.onnx", device=None, engine=None, images=FEW_IMAGES + 1) is None
    assert why_chosen("model.onnx", device=None, engine="openvino", images=1) is None
    assert why_chosen("model.xml", device=None, engine=None, images=1) is None
    assert why_chosen("last.safetensors", device=None, engine=None, images=1) is None


def test_a_given_engine_counts_more_than_the_number(monkeypatch: pytest.MonkeyPatch):
    """One image with --engine openvino against the engine of that name; an unknown one is an error of one line."""
    asked: list[str] = []
    monkeypatch.setattr(load, "import_module", lambda module: asked.append(module.rpartition(".")[2]) or Loader)
    load_engine("model.onnx", engine="openvino", images=1)
    assert asked == ["openvino"]
    with pytest.raises(UsageError, match="engine 'fast' is not known"):
        load_engine("model.onnx", engine="fast", images=1)


@pytest.mark.parametrize(("precision", "name"), [("fp16", "onnx"), ("bf16", "openvino"), ("int8", "openvino")])
def test_the_number_of_images_does_not_change_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, precision: str, name: str
):
    """Precisions in which the two engines compute differently against the engine of many images."""
    asked: list[str] = []
    monkeypatch.setattr(load, "import_module", lambda module: asked.append(module.rpartition(".")[2]) or Loader)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x0a" + b'{"version": "1", "precision": "%s", "end": "raw"}' % precision.encode())
    load_engine(path, images=1)
    assert asked == [name]


class Loader:
    """Stands in for the module of an engine."""

    @staticmethod
    def load(source: str, *, device: str | None, precision: str | None) -> None:
        """Loads nothing."""
