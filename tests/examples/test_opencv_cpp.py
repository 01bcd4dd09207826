"""The C++ example for OpenCV: it compiles, and prints the detections that Python finds."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from multibox.detection.detector import Detector
from multibox.detection.export.export import export
from shared_data import shared
from tiny_detector import write_image

EXAMPLE = Path(__file__).parents[2] / "examples" / "opencv_cpp"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not all(map(shutil.which, ("cmake", "c++"))):
        pytest.skip("CMake or a C++ compiler is missing")
    folder = tmp_path_factory.mktemp("opencv_cpp")
    configured = subprocess.run(["cmake", "-S", EXAMPLE, "-B", folder], capture_output=True, text=True)
    if "OpenCVConfig.cmake" in configured.stderr:
        pytest.skip("the C++ headers of OpenCV are missing: Debian's package is libopencv-dev")
    assert configured.returncode == 0, configured.stderr
    built = subprocess.run(["cmake", "--build", folder], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warning" not in built.stderr
    return folder / "detect"


def test_it_prints_what_python_finds(program: Path, tmp_path: Path):
    """Names, scores and boxes in three photographs against those of the weights in PyTorch."""
    pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")
    photographs = sorted(shared("data/voc_animals/VOC2012/JPEGImages").glob("*.jpg"))[:3]
    model, description = tmp_path / "model.onnx", tmp_path / "model.json"
    export("lite320-animals", format="onnx", end="boxes", out=model, description=description)
    detector = Detector.load("lite320-animals", device="cpu")
    rows = 0
    for photograph in photographs:
        done = subprocess.run([program, model, description, photograph], capture_output=True, text=True, check=True)
        lines = [line.split(" ") for line in done.stdout.splitlines()]
        expected = detector(photograph).above(0.5)
        rows += len(expected)
        assert [line[0] for line in lines] == [name for _, _, name in expected]
        numbers = np.array([line[1:] for line in lines], float).reshape(-1, 5)
        np.testing.assert_allclose(numbers[:, 0], expected.scores, atol=0.02)  # other JPEG decoder and resize
        np.testing.assert_allclose(numbers[:, 1:], expected.boxes, atol=3)
    assert rows >= 3


def test_wrong_use_is_one_line(program: Path, tmp_path: Path):
    """No arguments, and an image or a description that does not exist, against an exit code and a line of ours."""
    alone = subprocess.run([program], capture_output=True, text=True)
    assert (alone.returncode, alone.stderr.count("\n")) == (2, 1)
    (tmp_path / "a.json").write_text("{}")
    write_image(tmp_path / "a.png", np.zeros((9, 9, 3), np.uint8))
    for names, lacking in ((["a.json", "none.jpg"], "none.jpg"), (["none.json", "a.png"], "none.json")):
        words = [program, "a.onnx", *names]
        missing = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
        assert (missing.returncode, missing.stderr.count(f"detect: cannot read {lacking}")) == (1, 1)
