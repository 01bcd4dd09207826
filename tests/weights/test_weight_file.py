"""Weight files: the round trip, their description, and all kinds of invalid files."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from multibox.errors import WeightsError
from multibox.models.config import slim300_config, ssdlite320_config
from multibox.models.ssd import SSD
from multibox.weights.description import Description
from multibox.weights.file import load_weights, read_description, read_metadata, save_weights

NAMES = ("nut", "bolt", "Schraube, groß")


@pytest.fixture(scope="module")
def model() -> SSD:
    torch.manual_seed(0)
    return SSD(slim300_config(width=1 / 32), NAMES)


def rewritten(path: Path, *, description: dict | None = None, **tensors: torch.Tensor) -> Path:
    """The file with a changed description and changed tensors."""
    metadata = {"multibox": json.dumps({**json.loads(read_metadata(path)["multibox"]), **(description or {})})}
    save_file({**load_file(path), **tensors}, path, metadata=metadata)
    return path


def test_round_trip(tmp_path: Path, model: SSD) -> None:
    """The loaded model equals the saved one: class names, config, every value, and its outputs."""
    save_weights(tmp_path / "a.safetensors", model, info={"recipe": "quick", "score": {"voc07": 0.5}})
    loaded, info = load_weights(tmp_path / "a.safetensors")
    assert info == {"recipe": "quick", "score": {"voc07": 0.5}}
    assert loaded.class_names == NAMES
    assert loaded.config == model.config
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert all(torch.equal(a, b) for a, b in zip(loaded.buffers(), model.buffers(), strict=True))


def test_other_config_survives(tmp_path: Path) -> None:
    """A config with other thresholds, normalization and clipping after a round trip against itself."""
    model = SSD(ssdlite320_config(), NAMES)
    save_weights(tmp_path / "a.safetensors", model)
    assert load_weights(tmp_path / "a.safetensors")[0].config == model.config


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(tmp_path: Path, model: SSD, dtype: torch.dtype) -> None:
    """Half-size files load as float32 values that are the rounded originals; counters stay whole numbers."""
    save_weights(tmp_path / "a.safetensors", model, dtype=dtype)
    assert load_file(tmp_path / "a.safetensors")["heads.location.0.weight"].dtype == dtype
    loaded, _ = load_weights(tmp_path / "a.safetensors")
    for name, value in model.state_dict().items():
        found = loaded.state_dict()[name]
        assert found.dtype == value.dtype
        assert torch.equal(found, value.to(dtype).to(value.dtype) if value.is_floating_point() else value)


def test_channels_last_and_random_state(tmp_path: Path, model: SSD) -> None:
    """A model in another memory layout is saved the same, and loading draws nothing from torch's generator."""
    save_weights(tmp_path / "a.safetensors", model)
    twin, _ = load_weights(tmp_path / "a.safetensors")
    save_weights(tmp_path / "b.safetensors", twin.to(memory_format=torch.channels_last))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    state = torch.random.get_rng_state()
    load_weights(tmp_path / "a.safetensors")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_failed_write_keeps_the_old_file(tmp_path: Path, model: SSD, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is full before the rename, the old file is intact and the folder contains nothing else."""
    path = tmp_path / "a.safetensors"
    save_weights(path, model)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        save_weights(path, model, info={"new": True})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_description(tmp_path: Path, model: SSD) -> None:
    """The description against the model, and its keys against the documented ones."""
    save_weights(tmp_path / "a.safetensors", model, info={"score": 0.5})
    found = read_description(tmp_path / "a.safetensors")
    assert found == Description(NAMES, model.config, {"score": 0.5})
    keys = json.loads(read_metadata(tmp_path / "a.safetensors")["multibox"])
    assert sorted(keys) == ["class_names", "config", "format", "info", "version"]


def test_files_without_a_score_function(tmp_path: Path, model: SSD) -> None:
    """A file that was written before configs had a score function: SSD's softmax."""
    path = tmp_path / "a.safetensors"
    save_weights(path, model)
    config = model.config.to_json()
    del config["score_function"]
    assert read_description(rewritten(path, description={"config": config})).config == model.config


def wrong_file(folder: Path, model: SSD, kind: str) -> Path:
    """A file that is invalid in the named way."""
    path = folder / "w.safetensors"
    if kind == "absent":
        return path
    save_weights(path, model)
    values = load_file(path)
    if kind == "text":
        path.write_text("not weights at all, but a text that is long enough")
    elif kind == "short":
        path.write_bytes(path.read_bytes()[:-100])
    elif kind == "foreign":
        save_file(values, path, metadata={"format": "pt"})
    elif kind == "newer":
        rewritten(path, description={"format": 3, "version": "9.0"})
    elif kind == "damaged":
        save_file(values, path, metadata={"multibox": "{'format'"})
    elif kind == "base":
        rewritten(path, description={"config": {**model.config.to_json(), "base": {"kind": "vgg19"}}})
    elif kind == "config":
        rewritten(path, description={"config": {"name": "x"}})
    elif kind == "classes":
        rewritten(path, description={"class_names": ["one"]})
    elif kind == "superfluous":
        rewritten(path, extra=torch.zeros(1))
    else:
        metadata = read_metadata(path)
        del values["extras.0.3.weight"]
        save_file(values, path, metadata=metadata)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", "does not exist"),
        ("text", "not a complete safetensors file"),
        ("short", "not a complete safetensors file"),
        ("foreign", "multibox weights import"),
        ("newer", "install a newer multibox"),
        ("damaged", "damaged description"),
        ("base", "config.base does not fit .input tag 'vgg19'"),
        ("config", "describes a model that multibox .* cannot build: config.base does not fit"),
        ("classes", r"'heads.confidence.0.weight' with shape \(16, 16, 3, 3\)"),
        ("superfluous", "holds 'extra'"),
        ("missing", "lacks 'extras.0.3.weight'"),
    ],
)
def test_wrong_files(tmp_path: Path, model: SSD, kind: str, message: str) -> None:
    """Each invalid file against a one-line error that names the file, the fault and the next step."""
    path = wrong_file(tmp_path, model, kind)
    with pytest.raises(WeightsError, match=message) as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def changed(fields: dict, key: str, value: object) -> dict:
    """A copy of nested JSON with another value at a path like "extras.0.stride", or without it if that is None."""
    copy = json.loads(json.dumps(fields))
    *path, last = [int(part) if part.isdigit() else part for part in key.split(".")]
    inner = copy
    for part in path:
        inner = inner[part]
    if value is REMOVED:
        del inner[last]
    else:
        inner[last] = value
    return copy


class Removed:
    """Stands for a key that is removed; its name is the same in every process, as ids of tests must be."""

    def __repr__(self) -> str:
        return "removed"


REMOVED = Removed()
NAN, INFINITY = float("nan"), float("inf")
WRONG_VALUES = [
    ("config.extras.0.stride", 0),
    ("config.extras.0.stride", -2),
    ("config.extras.0.kernel", 0),
    ("config.extras.0.kernel", 10**9),
    ("config.extras.0.padding", -1),
    ("config.extras.1.out", 10**12),
    ("config.extras.1.squeeze", 0),
    ("config.base.width", 1e6),
    ("config.base.width", -1.0),
    ("config.base.width", NAN),
    ("config.base.width", 0.001),
    ("config.std.0", 0.0),
    ("config.std.2", NAN),
    ("config.mean.1", NAN),
    ("config.mean.1", 1e30),
    ("config.variances.3", -0.2),
    ("config.box_code", "middle"),
    ("config.detection.eta", 0.0),
    ("config.detection.eta", 1.5),
    ("config.priors.maps.0.boxes", [[0.0, 5.0]]),
    ("config.priors.maps.0.boxes", [[5.0, 5.0]] * 2000),
    ("config.priors.maps.0.offset", NAN),
    ("config.priors.maps.0.variances", [0.1, 0.1, 0.0, 0.2]),
    ("config.priors.maps.0.image_size", [0, 300]),
    ("config.variances.0", 0.0),
    ("config.variances.0", INFINITY),
    ("config.detection.score_threshold", NAN),
    ("config.detection.score_threshold", 1.5),
    ("config.detection.nms_threshold", -1.0),
    ("config.detection.per_class", 0),
    ("config.detection.per_image", -5),
    ("config.priors.input_size", [10**6, 10**6]),
    ("config.priors.input_size", [0, 300]),
    ("config.priors.maps.0.cells", [19, 76]),
    ("config.priors.maps.0.cells", [10**5, 10**5]),
    ("config.priors.maps.0.cells", [0, 0]),
    ("config.priors.maps.1.step.0", 0.0),
    ("config.priors.maps.1.min_size", -30.0),
    ("config.priors.maps.1.min_size", NAN),
    ("config.priors.maps.1.max_size", 0.0),
    ("config.priors.maps.1.ratios", [0.0]),
    ("config.priors.maps.1.ratios", [2.0] * 10_000),
    ("config.priors.maps", []),
    ("config.sources", [0, 0]),
    ("config.sources", [0, 99]),
    ("config.sources", []),
    ("config.extras", []),
    ("config.mean", REMOVED),
    ("config.variances", REMOVED),
    ("config.detection.nms_threshold", REMOVED),
    ("config.priors.truncate", REMOVED),
    ("config.extras.0.stride", REMOVED),
    ("config.base.batch_norm", REMOVED),
    ("config.varainces", [0.1, 0.1, 0.2, 0.2]),
    ("config.clip", "yes"),
    ("config.extras.0.out", "16"),
    ("config.detection.per_class", True),
    ("config", []),
    ("config", REMOVED),
    ("class_names", ["nut", "nut", "bolt"]),
    ("class_names", ["nut", "", "bolt"]),
    ("class_names", "nut"),
    ("class_names", [1, 2, 3]),
    ("class_names", []),
    ("class_names", REMOVED),
    ("class_names", [f"c{i}" for i in range(30_000)]),
    ("info", None),
    ("info", REMOVED),
    ("format", REMOVED),
    ("format", "2"),
    ("format", NAN),
    ("format", 0),
    ("format", 1),
    ("format", 10**400),
]


@pytest.mark.parametrize(("key", "value"), WRONG_VALUES, ids=lambda value: repr(value)[:30])
def test_wrong_descriptions(tmp_path: Path, model: SSD, key: str, value: object) -> None:
    """A description with one wrong, missing or unknown value against one line that names the file."""
    path = tmp_path / "w.safetensors"
    save_weights(path, model)
    fields = json.loads(read_metadata(path)["multibox"])
    save_file(load_file(path), path, metadata={"multibox": json.dumps(changed(fields, key, value))})
    with pytest.raises(WeightsError) as caught:
        load_weights(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    named = key.split(".")[1 if key.startswith("config.") else 0]
    assert named in str(caught.value) or "priors" in str(caught.value) or key == "format"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[]", "null", '"x"', "{}", '{"format": 2}', "", '{"format": 2, "info": "\\ud800"}']
)
def test_descriptions_that_are_no_description(tmp_path: Path, model: SSD, text: str) -> None:
    """Other JSON, deep nesting and half characters against one line."""
    path = tmp_path / "w.safetensors"
    save_file(model.state_dict(), path, metadata={"multibox": text})
    with pytest.raises(WeightsError, match="damaged description of its detector"):
        load_weights(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("heads.location.0.weight", NAN, "not finite"),
        ("heads.location.0.bias", INFINITY, "not finite"),
        ("base.bn1_1.running_var", -1.0, "negative variances"),
    ],
)
def test_wrong_values(tmp_path: Path, model: SSD, name: str, value: float, message: str) -> None:
    """Tensors of the right shape with values that no detector has against one line."""
    save_weights(tmp_path / "w.safetensors", model)
    path = rewritten(tmp_path / "w.safetensors", **{name: torch.full_like(model.state_dict()[name], value)})
    with pytest.raises(WeightsError, match=f"{name!r} .*{message}"):
        load_weights(path)


def test_whole_numbers_are_no_weights(tmp_path: Path, model: SSD) -> None:
    """A tensor of integers instead of weights against one line."""
    name = "heads.location.0.weight"
    save_weights(tmp_path / "w.safetensors", model)
    path = rewritten(tmp_path / "w.safetensors", **{name: torch.ones_like(model.state_dict()[name]).to(torch.int8)})
    with pytest.raises(WeightsError, match=r"as torch\.int8 instead of torch\.float32"):
        load_weights(path)


def test_fields_of_later_versions(tmp_path: Path, model: SSD) -> None:
    """A file without the fields that were added later is read, and they have their defaults."""
    path = tmp_path / "w.safetensors"
    save_weights(path, model)
    fields = json.loads(read_metadata(path)["multibox"])
    keys = [f"config.{key}" for key in ("box_code", "detection.eta")]
    keys += [f"config.priors.maps.{i}.{key}" for i in (0, 1) for key in ("boxes", "offset", "clip", "variances")]
    for key in keys:
        fields = changed(fields, key, REMOVED)
    save_file(load_file(path), path, metadata={"multibox": json.dumps(fields)})
    assert load_weights(path)[0].config == model.config


@pytest.mark.parametrize("key", ["config.rotation", "config.detection.tiles", "config.priors.maps.0.angle"])
def test_fields_of_a_newer_version(tmp_path: Path, model: SSD, key: str) -> None:
    """A file with a field that is not known yet against a line that says so, and does not call it damaged."""
    path = tmp_path / "w.safetensors"
    save_weights(path, model)
    fields = changed(json.loads(read_metadata(path)["multibox"]), key, 1)
    save_file(load_file(path), path, metadata={"multibox": json.dumps(fields)})
    with pytest.raises(
        WeightsError, match=rf"written by a newer multibox: {key} is a field .* install a newer"
    ) as error:
        load_weights(path)
    assert "damaged" not in str(error.value)
