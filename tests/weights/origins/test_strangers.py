"""Files that hold no SSD to import: what the message says that they are, and what could read them."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from multibox.errors import WeightsError
from multibox.weights.origins.recognize import import_weights


@pytest.mark.parametrize(
    ("name", "content", "what", "reader"),
    [
        ("w.onnx", b"\x08\x07", "an ONNX model", "ONNX Runtime runs it"),
        ("w.h5", b"\x89HDF\r\n", "a Keras file", "Keras reads it"),
        ("w", b"\x89HDF\r\n", "a Keras file", "export its detector as .tflite"),
        ("saved_model.pb", b"\x08\x01", "a SavedModel of TensorFlow", "TensorFlow reads it"),
        ("model.ckpt.data-00000-of-00001", b"abc", "a part of a TensorFlow checkpoint", "export the detector"),
        ("pipeline.config", b"model {", "a configuration without weights", "frozen graph"),
        ("w.engine", b"abc", "a TensorRT engine", "TensorRT runs it"),
        ("deploy.prototxt", b"layer {", "the structure of a Caffe model", "--prototxt"),
        ("yolo.weights", b"abc", "a Darknet file", "a YOLO, not an SSD"),
        ("w.tar.gz", b"\x1f\x8b\x08", "an archive", "unpack it"),
        ("w.pth", b"<!DOCTYPE html>", "not a complete .pth file but a web page", "fetch it again"),
        ("w.caffemodel", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS", "git lfs pull"),
        ("photo.jpg", b"\xff\xd8\xff\xe0", "an image", "multibox detect"),
        ("w.param", b"7767517\n", "the structure of an ncnn model", "ncnn runs it"),
    ],
)
def test_strangers(tmp_path: Path, name: str, content: bytes, what: str, reader: str) -> None:
    """One line with both for each."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=what) as caught:
        import_weights(tmp_path / name)
    assert reader in str(caught.value)
    assert "\n" not in str(caught.value)


def test_archives(tmp_path: Path) -> None:
    """A Keras 3 file and an archive with a model inside against their messages."""
    with zipfile.ZipFile(tmp_path / "k", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", "")
    with pytest.raises(WeightsError, match="is a Keras file"):
        import_weights(tmp_path / "k")
    with zipfile.ZipFile(tmp_path / "coco_ssd.zip", "w") as archive:
        archive.writestr("detect.tflite", "")
        archive.writestr("labelmap.txt", "")
    with pytest.raises(WeightsError, match=r"unpack it and give the weight file inside"):
        import_weights(tmp_path / "coco_ssd.zip")
    with tarfile.open(tmp_path / "w.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("x"), io.BytesIO())
    with pytest.raises(WeightsError, match="is an archive"):
        import_weights(tmp_path / "w.tar")
