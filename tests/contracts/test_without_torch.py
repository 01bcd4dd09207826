"""Exported models run without PyTorch: in a new interpreter, what is imported, and what is found."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multibox.detection.detector import Detector
from multibox.weights.file import save_weights
from tiny_detector import noise_image, tiny_model, write_image

CODE = """
import json, sys, multibox
detector = multibox.Detector.load(sys.argv[1], engine=sys.argv[2])
found = detector(sys.argv[3])
assert [len(f) for f in detector([sys.argv[3]] * 3)] == [len(found)] * 3
print(json.dumps({"scores": found.scores.tolist(), "torch": "torch" in sys.modules}))
"""

COMMAND = """
import sys
from multibox.cli import main
code = main(sys.argv[1:])
print("torch" in sys.modules)
sys.exit(code)
"""


def run(code: str, *arguments: object) -> str:
    """The last line that Python prints."""
    words = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a weight file and as three exported ones, and an image."""
    pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
    pytest.importorskip("onnxruntime", reason="the packages of multibox[export] are not installed")
    from multibox.detection.export.export import export

    folder = tmp_path_factory.mktemp("without_torch")
    save_weights(folder / "tiny.safetensors", tiny_model())
    for end in ("detections", "boxes", "raw"):
        export(folder / "tiny.safetensors", format="onnx", end=end, out=folder / f"{end}.onnx")
    write_image(folder / "noise.png", noise_image(seed=1))
    return folder


@pytest.mark.parametrize(
    ("end", "engine"), [("detections", "onnxruntime"), ("boxes", "onnxruntime"), ("raw", "openvino")]
)
def test_an_exported_model_does_not_import_torch(folder: Path, end: str, engine: str):
    """`sys.modules` after detections in one image and in a list; the scores against those of PyTorch."""
    pytest.importorskip(engine, reason="the engine is not installed")
    found = json.loads(run(CODE, folder / f"{end}.onnx", engine, folder / "noise.png"))
    assert found["torch"] is False
    expected = Detector(tiny_model())(folder / "noise.png")
    np.testing.assert_allclose(found["scores"], expected.scores, atol=1e-4)


def test_the_command_does_not_import_torch_either(folder: Path):
    """`multibox detect` with an exported model; with weights PyTorch is there."""
    image = folder / "noise.png"
    assert run(COMMAND, "detect", image, "-w", folder / "boxes.onnx", "--engine", "onnxruntime") == "False"
    assert run(COMMAND, "detect", image, "-w", folder / "tiny.safetensors") == "True"


def test_weights_do_not_import_the_compiler(folder: Path):
    """`multibox detect` with the weights of the package, which draws no start values."""
    code = COMMAND.replace('"torch" in', '"torch._dynamo" in')
    assert run(code, "detect", folder / "noise.png") == "False"
