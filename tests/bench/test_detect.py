"""What is measured for a file, with and without installed engines."""

import pytest

from multibox.bench.detect import candidates
from multibox.detection.engines import load


def test_no_engine_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that no installed engine can run keeps its usual engine, so that loading says what to install."""
    monkeypatch.setattr(load, "find_spec", lambda name: None)
    assert [one.engine for one in candidates("model.onnx")] == ["openvino"]
