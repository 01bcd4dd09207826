"""LiteRT behind the Detector. Conversion needs a large package, so a small converted model is stored with its weights.

`tiny.tflite` was made by `multibox export tiny.safetensors --format litert`.
"""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from multibox.detection.detector import Detector
from multibox.detection.engines.load import engines_for, is_exported
from multibox.errors import UsageError, WeightsError
from tiny_detector import noise_image

pytest.importorskip("ai_edge_litert", reason="the package of multibox[litert-runtime] is not installed")

STORED = Path(__file__).parents[2] / "data_files" / "litert"
IMAGES = [noise_image(seed=i) for i in range(3)]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(STORED / "tiny.tflite")


def test_detections_are_those_of_the_weights(detector: Detector):
    """Scores, labels, priors and boxes of three images against PyTorch."""
    expected = Detector.load(STORED / "tiny.safetensors", engine="torch", device="cpu")
    assert "LiteRT" in detector.engine.config.description
    assert detector.class_names == expected.class_names
    assert detector.input_size == (64, 64)
    for ours, theirs in zip(detector(IMAGES), expected(IMAGES), strict=True):
        assert len(theirs) > 20
        assert ours.labels.tolist() == theirs.labels.tolist()
        assert ours.priors.tolist() == theirs.priors.tolist()
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=0.01)


def test_many_threads_and_a_pickle(detector: Detector):
    """Detections in eight threads and by a copy against those of one thread."""
    expected = [found.scores.tolist() for found in detector(IMAGES)]
    copy = pickle.loads(pickle.dumps(detector))
    assert [found.scores.tolist() for found in copy(IMAGES)] == expected
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: detector(IMAGES[i % 3]).scores.tolist(), range(16)))
    assert found == [expected[i % 3] for i in range(16)]


def test_files_that_are_no_detectors(tmp_path: Path):
    """Missing and damaged files, other devices and engines, against one line that names the file or the value."""
    content = (STORED / "tiny.tflite").read_bytes()
    with pytest.raises(WeightsError, match=r"missing\.tflite does not exist"):
        Detector.load(tmp_path / "missing.tflite")
    cut = tmp_path / "cut.tflite"
    for length in (0, 6, 100, 5000, len(content) // 2):
        cut.write_bytes(content[:length] + b'"priors_sha256": "')
        with pytest.raises(WeightsError, match=r"cut\.tflite"):
            Detector.load(cut)
    cut.write_bytes(content.replace(b"serving_default", b"serving_another"))
    with pytest.raises(WeightsError, match=r"LiteRT cannot load .*cut\.tflite .*: export it again"):
        Detector.load(cut)
    with pytest.raises(UsageError, match="no support for the device 'cuda'"):
        Detector.load(STORED / "tiny.tflite", device="cuda", engine="litert")
    with pytest.raises(UsageError, match=r"'onnxruntime' cannot run .*choose litert"):
        Detector.load(STORED / "tiny.tflite", engine="onnxruntime")


def test_files_of_other_programs_are_weights(tmp_path: Path):
    """A .tflite file without our description, which is imported like other weights."""
    other = tmp_path / "other.tflite"
    other.write_bytes(b"\x1c\0\0\0TFL3" + bytes(64))
    assert not is_exported(other)
    assert [entry.name for entry in engines_for(STORED / "tiny.tflite")] == ["litert"]
