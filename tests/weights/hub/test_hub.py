"""Weights on the Hub: published to and fetched from a server of this machine, and errors of one line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from multibox.detection.detector import Detector
from multibox.errors import MultiboxError, UsageError, WeightsError
from multibox.weights.file import read_description, save_weights
from multibox.weights.hub import client
from multibox.weights.hub.card import model_card
from multibox.weights.hub.client import fetch_from_hub
from multibox.weights.hub.name import HubName, is_hub_name, parse_hub_name
from multibox.weights.hub.push import push_weights
from small_hub import SmallHub, small_hub
from tiny_detector import noise_image, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:httpx2", "ignore:Use 'content=")
constants: Any = pytest.importorskip("huggingface_hub.constants")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SmallHub]:
    """A server with a token, and an empty cache."""
    with small_hub() as server:
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "DEFAULT_ETAG_TIMEOUT", 2)
        monkeypatch.setenv("HF_TOKEN", server.token)
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    info = {"recipe": {"name": "quick"}, "score": 0.875, "metric": "voc10", "data": "cells | `odd`", "license": "MIT"}
    save_weights(tmp_path / "best.safetensors", tiny_model(), info=info)
    return tmp_path / "best.safetensors"


def test_what_is_published_can_be_loaded(hub: SmallHub, weights: Path):
    """Detections of a detector that was pushed and pulled, by branch and by commit, against those of its file."""
    address = push_weights(weights, "hf://me/tiny")
    commit = address.rpartition("/")[2]
    files = hub.files("me/tiny")
    assert files is not None
    assert sorted(files) == ["README.md", "model.safetensors"]
    assert files["model.safetensors"] == weights.read_bytes()
    image = noise_image(seed=1)
    expected = Detector.load(weights)(image)
    for name in ("hf://me/tiny", f"hf://me/tiny@{commit}", f"hf://me/tiny@{commit}/model.safetensors"):
        found = Detector.load(name)(image)
        np.testing.assert_array_equal(found.boxes, expected.boxes)


def test_a_second_push_keeps_the_card(hub: SmallHub, weights: Path):
    """The card after it was edited and weights were pushed again, without and with --force."""
    push_weights(weights, "hf://me/tiny")
    files = hub.files("me/tiny")
    assert files is not None
    hub.repositories["me/tiny"].append(("1" * 40, {**files, "README.md": b"edited"}))
    push_weights(weights, "hf://me/tiny", message="again")
    assert (hub.files("me/tiny") or {})["README.md"] == b"edited"
    push_weights(weights, "hf://me/tiny", new_card=True)
    assert (hub.files("me/tiny") or {})["README.md"].startswith(b"---\nlibrary_name: multibox")


def test_the_card_says_what_the_file_says(weights: Path):
    """Front matter, facts and names of a card against the description; markup in names is harmless."""
    card = model_card(HubName("me/tiny"), read_description(weights), license="mit")
    front, body = card.removeprefix("---\n").split("---\n", maxsplit=1)
    assert yaml.safe_load(front) == {
        "library_name": "multibox",
        "pipeline_tag": "object-detection",
        "tags": ["object-detection", "ssd"],
        "license": "mit",
    }
    for text in ("| recipe | `quick` |", "`87.5 % (voc10)`", "| training data | `cells / 'odd'` |", "`disc`, `square`"):
        assert text in body
    assert 'Detector.load("hf://me/tiny")' in body


def test_an_exported_model_has_both_files(hub: SmallHub, tmp_path: Path):
    """An OpenVINO model on the Hub against its two files beside each other."""
    hub.repositories["me/ov"] = [("2" * 40, {"best.xml": b"<xml/>", "best.bin": b"values"})]
    path = fetch_from_hub("hf://me/ov@main/best.xml")
    assert path.read_bytes() == b"<xml/>"
    assert path.with_suffix(".bin").read_bytes() == b"values"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf://me/none", "there is no such repository"),
        ("hf://me/tiny@v9", "no revision 'v9'"),
        ("hf://me/tiny@main/other.safetensors", "no file other.safetensors"),
    ],
)
def test_what_is_not_there_is_one_line(hub: SmallHub, weights: Path, name: str, message: str):
    """An unknown repository, revision and file against WeightsError."""
    push_weights(weights, "hf://me/tiny")
    with pytest.raises(WeightsError, match=message) as caught:
        Detector.load(name)
    assert "\n" not in str(caught.value)


def test_without_the_right_token_nothing_is_published(hub: SmallHub, weights: Path, monkeypatch: pytest.MonkeyPatch):
    """A wrong token against one line that says how to log in."""
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(WeightsError, match="log in with `hf auth login`, or set HF_TOKEN"):
        push_weights(weights, "hf://me/tiny")


def test_files_that_are_no_weights_are_not_published(hub: SmallHub, tmp_path: Path):
    """A file of something else against WeightsError, before any request."""
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        push_weights(tmp_path / "x.safetensors", "hf://me/tiny")
    assert hub.requests == []


def test_offline_is_one_line(hub: SmallHub, monkeypatch: pytest.MonkeyPatch):
    """Offline mode without the file in the cache against one line."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="is not in the cache, and HF_HUB_OFFLINE forbids requests"):
        Detector.load("hf://me/tiny")


def test_without_the_package_its_name_is_given(monkeypatch: pytest.MonkeyPatch):
    """A missing package against UsageError."""
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"pip install huggingface_hub$"):
        fetch_from_hub("hf://me/tiny")


@pytest.mark.parametrize("error", [OSError("no route"), ValueError("no JSON"), RuntimeError("cut")])
def test_other_errors_are_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception):
    """What the client raises without a reason of the Hub's own, against WeightsError."""
    with (
        pytest.raises(MultiboxError, match=r"hf://me/tiny: .*(does not answer|not that of a Hub|upload failed)"),
        client._one_line(HubName("me/tiny")),
    ):
        raise error


def test_names():
    """Texts against their parts, and texts that are no names."""
    assert parse_hub_name("hf://me/a.b-c_d") == HubName("me/a.b-c_d")
    assert parse_hub_name("hf://me/x@refs%2Fpr%2F1/sub/m.onnx") == HubName("me/x", "refs/pr/1", "sub/m.onnx")
    assert str(parse_hub_name(str(Path("hf://me/x@v1")))) == "hf://me/x@v1"
    assert not is_hub_name("runs/best.safetensors")
    for text in ("hf://", "hf://me", "hf://me/x@", "hf://me/x/../y", "hf://me/x y", "hf:///x/y@v/"):
        with pytest.raises(UsageError, match="is no name on the Hub"):
            parse_hub_name(text)
