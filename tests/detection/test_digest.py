"""The identity of a detector against hashes of the bytes of its files."""

import hashlib
from pathlib import Path

import pytest

from multibox.detection.digest import weights_digest
from multibox.errors import WeightsError


def test_digest(tmp_path: Path) -> None:
    """An OpenVINO model is its .xml followed by its .bin, other files are themselves; a model that is missing fails."""
    (tmp_path / "a.xml").write_bytes(b"structure")
    (tmp_path / "a.bin").write_bytes(b"values")
    (tmp_path / "b.onnx").write_bytes(b"both")
    assert weights_digest(tmp_path / "a.xml") == hashlib.sha256(b"structurevalues").hexdigest()
    assert weights_digest(tmp_path / "b.onnx") == hashlib.sha256(b"both").hexdigest()
    with pytest.raises(WeightsError, match=r"model file .*c\.onnx does not exist"):
        weights_digest(tmp_path / "c.onnx")
