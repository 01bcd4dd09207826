"""Detections as those of the package supervision, where it is installed: it brings an OpenCV of its own."""

import numpy as np
import pytest

from multibox.detections import Detections
from multibox.errors import UsageError
from multibox.size import Size


def found(tracks: list[int]) -> Detections:
    boxes = np.array([[1, 2, 30, 40], [5, 6, 7, 8]], dtype=np.float32)
    scores, labels = np.array([0.9, 0.5], dtype=np.float32), np.array([1, 0])
    return Detections(boxes, scores, labels, ("cat", "dog"), Size(50, 60), tracks=np.array(tracks))


def test_fields_are_those_of_the_detections():
    """Boxes, scores, labels, names and ids against the detections."""
    pytest.importorskip("supervision", reason="the package supervision is not installed")
    converted = found([7, -1]).to_supervision()
    np.testing.assert_array_equal(converted.xyxy, [[1, 2, 30, 40], [5, 6, 7, 8]])
    np.testing.assert_array_equal(converted.confidence, np.float32([0.9, 0.5]))
    assert converted.class_id.tolist() == [1, 0]
    assert converted.data["class_name"].tolist() == ["dog", "cat"]
    assert converted.tracker_id.tolist() == [7, -1]
    assert found([-1, -1]).to_supervision().tracker_id is None


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    """Without the package against a line that names it."""
    monkeypatch.setitem(__import__("sys").modules, "supervision", None)
    with pytest.raises(UsageError, match="pip install supervision"):
        found([-1, -1]).to_supervision()
