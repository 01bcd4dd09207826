"""OpenVINO behind the Detector: its files, models in memory, and batches."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine_cases import Tolerance, agreement
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.errors import UsageError, WeightsError
from multibox.images.write import write_image
from multibox.models.ssd import SSD
from multibox.weights.exported import Exported
from tiny_detector import CLASS_NAMES, noise_image, tiny_model

openvino = pytest.importorskip("openvino", reason="the packages of multibox[openvino] are not installed")
pytest.importorskip("onnxscript", reason="the packages of multibox[export] are not installed")

from multibox.detection.engines.openvino import OpenVinoEngine  # noqa: E402
from multibox.detection.export.openvino import export_openvino  # noqa: E402


@pytest.fixture(scope="module")
def model() -> SSD:
    return tiny_model()


@pytest.fixture(scope="module")
def exported(model: SSD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "tiny.xml"
    export_openvino(model, path, info={"score": 0.5}, precision="fp16", batch=2)
    return path


def assert_near(found: list[Detections], expected: list[Detections], *, tolerance: Tolerance) -> None:
    for one, other in zip(found, expected, strict=True):
        assert agreement(one, other, tolerance=tolerance) >= tolerance.share


def test_a_file_of_two_parts_is_a_detector(model: SSD, exported: Path):
    """One, two and five images through a file with a batch size of two and 16-bit weights, against PyTorch."""
    assert exported.with_suffix(".bin").exists()
    assert sorted(path.name for path in exported.parent.iterdir()) == ["tiny.bin", "tiny.xml"]
    detector = Detector.load(exported)
    assert detector.info == {"score": 0.5}
    assert (detector.class_names, detector.input_size) == (CLASS_NAMES, (300, 300))
    assert "OpenVINO" in detector.engine.config.description
    images = [noise_image(seed=i) for i in range(5)]
    expected = Detector(model)(images)
    for size in (1, 2, 5):
        assert_near(detector(images, batch_size=size), expected, tolerance=Tolerance(0.02, 0.9, 0.8))


def test_the_file_describes_its_detector(model: SSD, exported: Path):
    """The metadata read back from both parts against what was exported."""
    engine = OpenVinoEngine.load(exported)
    assert engine.exported == Exported.of(model, info={"score": 0.5}, precision="fp16", end="detections", batch=2)


def test_a_model_in_memory_is_a_detector(model: SSD):
    """Single images and batches through a model that was never a file, against PyTorch."""
    detector = Detector(OpenVinoEngine.of_model(model), batch_size=3)
    images = [noise_image(seed=i) for i in range(3)]
    expected = Detector(model)(images)
    exact = Tolerance(1e-4, 0.999, 0.99)
    assert_near(detector(images), expected, tolerance=exact)
    assert_near([detector(images[0])], expected[:1], tolerance=exact)


def test_wrong_files_and_names(model: SSD, tmp_path: Path):
    """Missing, damaged and foreign models and a wrong suffix against one line that names the file."""
    with pytest.raises(WeightsError, match=r"missing\.xml does not exist"):
        Detector.load(tmp_path / "missing.xml")
    damaged = tmp_path / "damaged.xml"
    damaged.write_text("damaged")
    with pytest.raises(WeightsError, match=r"OpenVINO cannot load .*damaged\.xml"):
        Detector.load(damaged)
    foreign = tmp_path / "foreign.xml"
    constant = openvino.opset8.parameter([1], dtype=np.float32)
    openvino.save_model(openvino.Model([constant], [constant]), foreign)
    with pytest.raises(WeightsError, match=r"foreign\.xml is an OpenVINO model of another program .* weights import"):
        Detector.load(foreign)
    with pytest.raises(UsageError, match=r"ends with \.xml"):
        export_openvino(model, tmp_path / "model.bin")
    with pytest.raises(UsageError, match="no support for the device 'cuda'"):
        Detector.load(damaged, device="cuda")


_FREED_BY_A_THREAD = """
import faulthandler, os, signal, sys, threading
from multibox.detection.detector import Detector
faulthandler.enable()
signal.signal(signal.SIGTERM, lambda number, frame: print("handled"))
detectors = [Detector.load(sys.argv[1])]
assert detectors[0](sys.argv[2]).image_size == (120, 160)
freeing = threading.Thread(target=detectors.clear)
freeing.start()
freeing.join()
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_after_a_thread_freed_a_detector(exported: Path, tmp_path: Path):
    """A signal after another thread has freed a detector: the handler runs, and the process survives."""
    image = tmp_path / "noise.png"
    write_image(image, noise_image(seed=0))
    command = [sys.executable, "-c", _FREED_BY_A_THREAD, str(exported), str(image)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr


def test_bfloat16_that_is_switched_off(model: SSD, monkeypatch: pytest.MonkeyPatch):
    """A compiler that refuses bfloat16 against float32; one that refuses everything against one line."""
    engine = OpenVinoEngine.of_model(model, precision="bf16")
    real, refused = OpenVinoEngine._compile_with, ["bf16"]

    def compile_with(self: OpenVinoEngine, precision: str, *arguments: Any, **options: Any) -> Any:
        if precision in refused:
            raise RuntimeError("Exception from core.cpp:117:\nobject is not initialized\n")
        return real(self, precision, *arguments, **options)

    monkeypatch.setattr(OpenVinoEngine, "_precision", lambda self: "bf16")
    monkeypatch.setattr(OpenVinoEngine, "_compile_with", compile_with)
    batch = np.zeros((1, 300, 300, 3), np.uint8)
    expected = OpenVinoEngine.of_model(model).forward(batch)
    assert all(map(np.array_equal, engine.forward(batch), expected))
    refused.append("f32")
    with pytest.raises(WeightsError, match=r"^OpenVINO cannot compile the model \(object is not initialized\): export"):
        OpenVinoEngine.of_model(model).forward(batch)


def test_a_reason_that_is_no_text(tmp_path: Path):
    """A file whose bytes OpenVINO quotes in an error that is not UTF-8, against one line."""
    (tmp_path / "model.xml").write_bytes(b'<?xml version="1.0"?><net name="a" version="\xff"></net>')
    with pytest.raises(WeightsError, match=r"OpenVINO cannot load .*model\.xml .*: export it again"):
        OpenVinoEngine.load(tmp_path / "model.xml")
