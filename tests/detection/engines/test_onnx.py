"""ONNX Runtime behind the Detector: fixed batch sizes, and both kinds of outputs."""

from pathlib import Path

import numpy as np
import pytest

from fuzz import seeds
from multibox.detection.engines.exported import filled_rows, join_outputs, split_batch
from multibox.detection.engines.onnx import OnnxEngine
from multibox.errors import WeightsError


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


def test_a_description_that_is_no_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """A model whose metadata are not UTF-8 against an error of one line; ONNX Runtime prints nothing."""
    pytest.importorskip("onnxruntime", reason="the engine is not installed")
    pytest.importorskip("onnx", reason="the packages of multibox[export] are not installed")
    path = tmp_path / "model.onnx"
    path.write_bytes(seeds.onnx()["model.onnx"].replace(b'"version"', b'"\xff\xff\xff\xff\xff\xff\xff"'))
    with pytest.raises(WeightsError, match=r"^ONNX Runtime cannot load .*model.onnx .*: export it again$"):
        OnnxEngine(path)
    assert capfd.readouterr().out == ""
