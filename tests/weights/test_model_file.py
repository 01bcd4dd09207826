"""Paths that are no exported models against what they are and the next step."""

from pathlib import Path

import pytest

from multibox.detection.detector import Detector
from multibox.errors import WeightsError
from multibox.weights.model_file import check_model_file, undescribed


@pytest.mark.parametrize("suffix", [".onnx", ".xml", ".tflite"])
def test_folders_and_empty_files_are_named(tmp_path: Path, suffix: str):
    """A folder with the name of a model, one with a model inside, and an empty file, against their messages."""
    folder = tmp_path / f"model{suffix}"
    folder.mkdir()
    with pytest.raises(WeightsError, match=rf"model\{suffix} is a folder: give a file of `multibox export`$"):
        check_model_file(folder)
    (folder / f"a{suffix}").touch()
    with pytest.raises(WeightsError, match=rf"is a folder: give a file, for example .*a\{suffix}$"):
        check_model_file(folder)
    with pytest.raises(WeightsError, match=rf"a\{suffix} is empty: copy or fetch it again$"):
        check_model_file(folder / f"a{suffix}")
    with pytest.raises(WeightsError, match=rf"none\{suffix} does not exist: make it with `multibox export`$"):
        check_model_file(tmp_path / f"none{suffix}")


def test_a_folder_is_named_by_the_engine(tmp_path: Path):
    """Detector.load of a folder whose name ends with .onnx against the word folder."""
    pytest.importorskip("onnxruntime", reason="the engine is not installed")
    (tmp_path / "model.onnx").mkdir()
    with pytest.raises(WeightsError, match=r"model\.onnx is a folder"):
        Detector.load(tmp_path / "model.onnx", engine="onnxruntime")


@pytest.mark.parametrize(
    ("name", "what"), [("a.onnx", "an ONNX model"), ("a.xml", "an OpenVINO model"), ("a", "a model")]
)
def test_models_of_other_programs_are_named(name: str, what: str):
    """What a model is by its suffix, and the command that reads its checkpoint, against the message."""
    message = str(undescribed(name))
    assert message.startswith(f"{name} is {what} of another program and does not describe a multibox detector: give")
    assert "`multibox weights import` reads" in message
