"""`multibox weights` in this process: its files, its output, and wrong use."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from multibox.cli.weights import app
from multibox.errors import MultiboxError
from multibox.weights.file import load_weights, read_description, save_weights
from multibox.weights.remap import VOC_FROM_COCO
from oracles.caffe_files import CaffeText
from small_hub import small_hub
from tiny_detector import tiny_model


def run(*words: object) -> str:
    """Standard output of `multibox weights` with these words; raises what the command raises."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    save_weights(tmp_path / "tiny.safetensors", tiny_model(), info={"score": 0.5})
    return tmp_path / "tiny.safetensors"


def test_list() -> None:
    """Text and JSON name the same weights, each with its license."""
    entries = json.loads(run("list", "--json"))
    text = run("list")
    keys = "name kind about score license classes url page sha256 sha1 prototxt shipped"
    assert set(keys.split()) == set(entries[0])
    for entry in entries:
        assert entry["name"] in text
        assert entry["license"] in text


def test_import(tmp_path: Path) -> None:
    """A foreign state dict becomes a file that load_weights reads, with its origin; 16 bits halve it."""
    from weights.origins.test_recognize import amdegroot

    torch.save(amdegroot(300, 3), tmp_path / "foreign.pth")
    out = tmp_path / "own.safetensors"
    facts = json.loads(
        run(
            "import",
            tmp_path / "foreign.pth",
            "--out",
            out,
            "--class-names",
            "cat, dog",
            "--precision",
            "fp16",
            "--json",
        )
    )
    assert facts["class_names"] == ["cat", "dog"]
    assert facts["info"] == {"origin": "amdegroot/ssd.pytorch", "file": "foreign.pth"}
    model, info = load_weights(out)
    assert info == facts["info"]
    assert model.class_names == ("cat", "dog")
    assert out.stat().st_size < 0.51 * (tmp_path / "foreign.pth").stat().st_size


def test_remap(tiny: Path, tmp_path: Path) -> None:
    """--class-names with --map keeps known classes and the file's info, and names new classes."""
    out = tmp_path / "new.safetensors"
    (tmp_path / "names.txt").write_text("ring\nstar\n\nmoon\n")
    facts = json.loads(
        run("remap", tiny, "--out", out, "--class-names-file", tmp_path / "names.txt", "--map", "ring=disc", "--json")
    )
    assert facts["new_classes"] == ["moon"]
    assert read_description(out).info == {"score": 0.5, "remapped_from": ["disc", "square", "star"]}
    old, new = (load_weights(path)[0].state_dict()["heads.confidence.0.bias"].view(4, 4) for path in (tiny, out))
    assert torch.equal(new[:, :3], old[:, [0, 1, 3]])
    text = run("remap", tiny, "--out", out, "--class-names", "star,moon", "--force")
    assert "2 classes" in text
    assert "classes with random weights: moon" in text


def test_remap_to_voc(tmp_path: Path) -> None:
    """--to voc finds the COCO class of each VOC class by itself."""
    from multibox.data.classes.coco import COCO_CLASSES
    from multibox.models.ssd import SSD

    source, out = tmp_path / "coco.safetensors", tmp_path / "voc.safetensors"
    save_weights(source, SSD(tiny_model().config, COCO_CLASSES))
    assert json.loads(run("remap", source, "--out", out, "--to", "voc", "--json"))["new_classes"] == []
    rows = [load_weights(path)[0].state_dict()["heads.confidence.0.weight"] for path in (source, out)]
    old, new = rows[0].view(4, 81, -1), rows[1].view(4, 21, -1)
    for i, name in enumerate(load_weights(out)[0].class_names):
        assert torch.equal(new[:, i + 1], old[:, COCO_CLASSES.index(VOC_FROM_COCO[name]) + 1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["import", "none.pth", "--out", "o.safetensors"], "weight file none.pth does not exist"),
        (["import", "ssd300-torch", "--out", "o.safetensors"], "did you mean"),
        (["import", "x.pth", "--out", "o.pth"], "does not end with .safetensors"),
        (["remap", "{tiny}", "--out", "{tiny}", "--to", "voc"], "add --force"),
        (["remap", "{tiny}", "--out", "o.safetensors"], "no new classes given"),
        (["remap", "{tiny}", "--out", "o.safetensors", "--to", "voc", "--class-names", "a"], "more than one way"),
        (
            ["remap", "{tiny}", "--out", "o.safetensors", "--class-names", "a", "--map", "a"],
            "not have the form OLD=NEW",
        ),
        (["remap", "{tiny}", "--out", "o.safetensors", "--class-names-file", "none.txt"], "none.txt does not exist"),
    ],
)
def test_wrong_use(tiny: Path, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each mistake raises one line and writes nothing."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MultiboxError) as caught:
        run(*(word.format(tiny=tiny) for word in words))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "o.safetensors").exists()


@pytest.mark.filterwarnings("ignore:Use 'content=")
def test_push_publishes_the_file(multibox, weights: Path, monkeypatch: pytest.MonkeyPatch):
    """`weights push` and --json against the commit on a server of this machine; a malformed name is wrong use."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with small_hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.setenv("HF_TOKEN", server.token)
        outcome = multibox("weights", "push", weights, "hf://me/tiny", "--license", "mit", "--json")
        published = json.loads(outcome.out)
        assert published["commit"].startswith(f"{server.address}/me/tiny/commit/")
        assert b"license: mit" in (server.files("me/tiny") or {})["README.md"]
    outcome = multibox("weights", "push", weights, "me/tiny")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)


def test_import_a_caffe_model(tmp_path: Path) -> None:
    """Two files of Caffe become one weight file; a mean that is no number, a missing file and others are refused."""
    net = CaffeText(24, 32)
    net.convolution("stem", "data", 8, 3, "pad: 1 stride: 2")
    net.head("stem", classes=3)
    net.output(classes=3)
    prototxt, weights = net.write(tmp_path)
    out = tmp_path / "own.safetensors"
    words = ("import", weights, "--out", out, "--prototxt", prototxt, "--mean", "104,117,123", "--scale", "0.5")
    assert "net, 2 classes" in run(*words, "--class-names", "cat,dog")
    model, info = load_weights(out)
    assert (model.config.mean, model.config.std) == ((123, 117, 104), (2, 2, 2))
    assert info["origin"] == "Caffe"
    for wrong, message in (
        (("--mean", "a,b"), "is not one number or three"),
        (("--prototxt", weights), "is not UTF-8 text|text"),
        (("--prototxt", tmp_path), "is a directory"),
        (("--prototxt", tmp_path / "absent"), "cannot be read"),
        (("--channels", "rgb"), None),
    ):
        if message is None:
            run(*words, *wrong, "--force")
            continue
        with pytest.raises(MultiboxError, match=message) as caught:
            run(*words, *wrong, "--force")
        assert "\n" not in str(caught.value)
    assert load_weights(out)[0].config.mean == (104, 117, 123)
