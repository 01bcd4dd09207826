"""TensorFlow's detectors in the registry. None is downloaded: what is asked for, and a file that lies beside."""

import shutil
from pathlib import Path

import pytest

from multibox.errors import WeightsError
from multibox.weights import download
from multibox.weights.registry.detectors import DETECTORS
from multibox.weights.registry.fetch import published, published_file
from multibox.weights.source import open_weights
from shared_data import shared

OPEN_IMAGES = "ssd-mobilenetv2-mediapipe-oidv4"
ZOO = [entry.name for entry in DETECTORS if entry.name.endswith("-tensorflow-coco")]


def refuse(url: str, *, sha256: str | None, cache: Path | None, name: str | None = None) -> Path:
    raise WeightsError(f"no network for {url}, {sha256}, {cache}")


@pytest.mark.parametrize("name", ZOO)
def test_what_the_zoo_is_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive of each model and the frozen graph in it; the zoo names no hashes. Not fetched here."""
    entry = published(name)
    assert entry is not None
    assert entry.url is not None
    assert entry.url.startswith("http://download.tensorflow.org/models/object_detection/ssd")
    archive = entry.url.rpartition("/")[2].removesuffix(".tar.gz")
    assert entry.member == f"{archive}/frozen_inference_graph.pb"
    assert (entry.sha256, len(entry.class_names)) == (None, 90)
    monkeypatch.setattr(download, "fetch_file", refuse)
    with pytest.raises(WeightsError, match="no network for http://download"):
        open_weights(name)


def test_what_mediapipe_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address and hash of MediaPipe's build file. Not fetched here."""
    entry = published(OPEN_IMAGES)
    assert entry is not None
    monkeypatch.setattr(download, "fetch_file", refuse)
    with pytest.raises(WeightsError, match=r"no network for https://storage\.googleapis\.com/mediapipe-assets/"):
        open_weights(OPEN_IMAGES)


def test_the_rest_of_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file under its published name, and under any name, told by its hash: class names and license."""
    file = shared("models/ssd_mobilenetv2_oidv4_fp16.tflite")
    monkeypatch.setattr(download, "fetch_file", lambda url, *, sha256, cache, name=None: file)
    model, info = open_weights(OPEN_IMAGES)
    assert (model.class_names[3], len(model.class_names)) == ("Person", 23)
    assert (info["origin"], info["license"]) == (OPEN_IMAGES, "Apache-2.0")
    copied = tmp_path / "detect.tflite"
    shutil.copy(file, copied)
    assert published_file(copied) is published(OPEN_IMAGES)
    assert open_weights(copied)[0].class_names == model.class_names
    copied.write_bytes(copied.read_bytes() + b"\0")
    assert published_file(copied) is None
