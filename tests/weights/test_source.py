"""Published weights: the list, archives, and how paths and names are resolved."""

import io
import re
import tarfile
from pathlib import Path

import pytest
import torch

from multibox.errors import UsageError, WeightsError
from multibox.weights import download
from multibox.weights.download import extract, file_sha1
from multibox.weights.file import save_weights
from multibox.weights.registry.bases import BASES
from multibox.weights.registry.detectors import DETECTORS
from multibox.weights.registry.entry import Published
from multibox.weights.registry.fetch import fetch_prototxt, fetch_published, published, published_file
from multibox.weights.source import find_weights, open_weights
from shared_data import shared
from tiny_detector import tiny_model


def test_list() -> None:
    """Names are unique and plain, each entry has one origin, hashes are hexadecimal."""
    entries = (*DETECTORS, *BASES)
    assert len({entry.name for entry in entries}) == len(entries)
    for entry in entries:
        assert published(entry.name) is entry
        assert entry.name == entry.name.lower().replace(" ", "-")
        assert entry.license
        assert [entry.url is not None, bool(entry.page), entry.shipped is not None, entry.package is not None].count(
            True
        ) == 1
        for digest, lengths in ((entry.sha256, (8, 64)), (entry.sha1, (40,)), (entry.prototxt_sha1, (40,))):
            if digest is not None:
                assert len(digest) in lengths
                int(digest, 16)
    assert all(entry.kind == "detector" for entry in DETECTORS)
    assert all(entry.kind == "base" for entry in BASES)
    assert DETECTORS[1].sha256 == "b556d3b4"


def test_own_file(tmp_path: Path) -> None:
    """A multibox file is opened with its model and its info."""
    save_weights(tmp_path / "a.safetensors", tiny_model(), info={"score": 1})
    model, info = open_weights(tmp_path / "a.safetensors")
    assert model.class_names == tiny_model().class_names
    assert info == {"score": 1}


def test_unknown_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, a misspelled name, a base network and a file to download by hand against their messages."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="does not exist"):
        find_weights("runs/best.safetensors")
    with pytest.raises(UsageError, match="did you mean ssd300-torchvision-coco"):
        find_weights("ssd300-torchvison-coco")
    with pytest.raises(UsageError, match="is a base network"):
        find_weights("vgg16-torchvision")
    with pytest.raises(WeightsError, match="downloaded by hand: get it from https://"):
        find_weights("ssd300-caffe-voc0712")


@pytest.mark.parametrize("entry", [e for e in (*DETECTORS, *BASES) if e.page], ids=lambda entry: entry.name)
def test_files_to_download_by_hand(entry: Published) -> None:
    """Weights without an address for programs: the message has the page."""
    with pytest.raises(WeightsError, match=f"downloaded by hand: get it from {re.escape(entry.page)}"):
        fetch_published(entry)


def test_a_folder_is_not_a_weight_file(tmp_path: Path) -> None:
    """A run folder with and without weights against the message that names the weight file to give."""
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(WeightsError, match=r"run is a folder: give a weight file, for example .*run/last\.safetensors"):
        find_weights(run)
    (run / "best.safetensors").touch()
    with pytest.raises(WeightsError, match=r"run is a folder: give a weight file, for example .*run/best\.safetensors"):
        find_weights(run)


def test_named_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A published name is downloaded and imported with the class names and license of the list."""
    torch.save({"something": torch.zeros(1)}, tmp_path / "file.pth")
    asked = []

    def fetch(url: str, *, sha256: str | None, cache: Path | None, name: str | None) -> Path:
        asked.append((url, sha256, cache))
        return tmp_path / "file.pth"

    monkeypatch.setattr(download, "fetch_file", fetch)
    with pytest.raises(WeightsError, match=r"file\.pth contains no SSD of a known origin"):
        open_weights("ssd300-torchvision-coco")
    assert asked == [("https://download.pytorch.org/models/ssd300_vgg16_coco-b556d3b4.pth", "b556d3b4", None)]


def test_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The member of a tar.gz is extracted once; a damaged archive and a missing member raise errors."""
    archive = tmp_path / "models.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        header = tarfile.TarInfo("a/b/net.caffemodel")
        header.size = 5
        tar.addfile(header, io.BytesIO(b"bytes"))
    monkeypatch.setattr(download, "fetch_file", lambda url, *, sha256, cache, name: archive)
    entry = Published("x", "x", "x", url="https://x/models.tar.gz", member="a/b/net.caffemodel")
    assert fetch_published(entry).read_bytes() == b"bytes"
    archive.write_bytes(archive.read_bytes()[:40])
    assert fetch_published(entry) == tmp_path / "models-files" / "net.caffemodel"
    (tmp_path / "models-files" / "net.caffemodel").unlink()
    with pytest.raises(WeightsError, match=r"contains no readable a/b/net\.caffemodel"):
        extract(archive, "a/b/net.caffemodel")
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(WeightsError, match="contains no readable"):
        extract(archive, "a/b/net.caffemodel")
    assert {path.name for path in tmp_path.rglob("*")} <= {"models.tar.gz", "models-files"}


def test_a_published_caffe_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV's face detector by name: both files are asked for, and the rest of the way is that of the real files.

    Nothing can be downloaded in a test; the published hash is compared with that of the file.
    """
    weights = shared("models/res10_300x300_ssd_iter_140000.caffemodel")
    prototxt = shared("models/res10_deploy.prototxt")
    asked = []

    def fetch(url: str, *, sha256: str | None, cache: Path | None, name: str | None) -> Path:
        asked.append((url.rpartition("/")[2], sha256, name))
        return weights if url.endswith(".caffemodel") else prototxt

    monkeypatch.setattr(download, "fetch_file", fetch)
    model, info = open_weights("res10-faces-opencv")
    assert asked == [
        (weights.name, file_sha1(weights), None),
        ("deploy.prototxt", None, "res10-faces-opencv.prototxt"),
    ]
    assert (model.class_names, info["origin"]) == (("face",), "res10-faces-opencv")
    assert published_file(weights) is published("res10-faces-opencv")


def test_the_address_of_mobilenet_ssd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """chuanqi305's file has its own name in the cache, because its address has none. Nothing can be downloaded here."""
    entry = published("mobilenet-ssd-caffe")
    assert entry is not None
    asked = []

    def fetch(url: str, *, sha256: str | None, cache: Path | None, name: str | None) -> Path:
        asked.append((sha256, name))
        return tmp_path

    monkeypatch.setattr(download, "fetch_file", fetch)
    fetch_published(entry)
    fetch_prototxt(entry)
    assert asked == [
        ("994d30a8afaa9e754d17d2373b2d62a7dfbaaf7a", "MobileNetSSD_deploy.caffemodel"),
        ("d77c9cf09619470d49b82a9dd18704813a2043cd", "mobilenet-ssd-caffe.prototxt"),
    ]
