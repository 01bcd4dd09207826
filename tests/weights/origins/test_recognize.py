"""Imports of foreign SSDs: every tensor in its place, their priors and settings, and files that do not fit."""

from dataclasses import replace
from itertools import product
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from multibox.data.classes.coco import COCO_CLASSES
from multibox.data.classes.voc import VOC_CLASSES
from multibox.errors import UsageError, WeightsError
from multibox.priors import SPECS
from multibox.weights.file import save_weights
from multibox.weights.origins.caffe.caffemodel import CaffeLayer, CaffePriors
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.recognize import convert, import_weights, origin_of
from oracles.caffe_net import caffemodel
from oracles.official_deploy import official_deploy
from tiny_detector import tiny_model
from weights.origins.caffe import wire

VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
EXTRAS = {
    300: ((1024, 256, 1), (256, 512, 3), (512, 128, 1), (128, 256, 3), (256, 128, 1), (128, 256, 3), (256, 128, 1),
          (128, 256, 3)),
    512: ((1024, 256, 1), (256, 512, 3), (512, 128, 1), (128, 256, 3), (256, 128, 1), (128, 256, 3), (256, 128, 1),
          (128, 256, 3), (256, 128, 1), (128, 256, 4)),
}  # fmt: skip
BOXES = {300: (4, 6, 6, 6, 4, 4), 512: (4, 6, 6, 6, 6, 4, 4)}


def kernel(out: int, inside: int, side: int) -> Tensor:
    return torch.randn(out, inside, side, side) * sqrt(2 / (inside * side**2))


def amdegroot(side: int, outputs: int) -> dict[str, Tensor]:
    """A random state dict with the names of amdegroot/ssd.pytorch."""
    torch.manual_seed(side)
    layers, at, inside = {}, 0, 3
    for stage in VGG:
        for out in stage:
            layers[f"vgg.{at}"] = kernel(out, inside, 3)
            at, inside = at + 2, out
        at += 1
    layers["vgg.31"], layers["vgg.33"] = kernel(1024, 512, 3), kernel(1024, 1024, 1)
    layers |= {f"extras.{i}": kernel(out, inside, k) for i, (inside, out, k) in enumerate(EXTRAS[side])}
    channels = (512, 1024, *(out for _, out, _ in EXTRAS[side][1::2]))
    for i, (boxes, inside) in enumerate(zip(BOXES[side], channels, strict=True)):
        layers[f"loc.{i}"], layers[f"conf.{i}"] = kernel(4 * boxes, inside, 3), kernel(outputs * boxes, inside, 3)
    state = {f"{name}.weight": weight for name, weight in layers.items()}
    state |= {f"{name}.bias": torch.randn(len(weight)) for name, weight in layers.items()}
    return state | {"L2Norm.weight": torch.rand(512) + 20}


def lufficc(state: dict[str, Tensor], *, newer: bool) -> dict[str, Tensor]:
    """The same tensors under the names of lufficc/SSD, release 1.2 or before."""
    new = {"vgg": "backbone.vgg", "extras": "backbone.extras", "L2Norm": "backbone.l2_norm",
           "loc": "box_head.predictor.reg_headers", "conf": "box_head.predictor.cls_headers"}  # fmt: skip
    old = {"vgg": "vgg", "extras": "extras", "L2Norm": "l2_norm", "loc": "regression_headers",
           "conf": "classification_headers"}  # fmt: skip
    names = new if newer else old
    return {names[name.partition(".")[0]] + "." + name.partition(".")[2]: value for name, value in state.items()}


def forward(state: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """amdegroot's forward pass, written from its layer list: offsets and logits."""

    def conv(name: str, x: Tensor, **how: int) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], **how)

    at, sources = 0, []
    for i, stage in enumerate(VGG, start=1):
        for _ in stage:
            x, at = conv(f"vgg.{at}", x, padding=1).relu(), at + 2
        if i == 4:
            length = x.pow(2).sum(dim=1, keepdim=True).sqrt() + 1e-10
            sources.append(state["L2Norm.weight"][None, :, None, None] * (x / length))
        x = F.max_pool2d(x, 3, 1, 1) if i == 5 else F.max_pool2d(x, 2, 2, ceil_mode=i == 3)
        at += 1
    x = conv("vgg.33", conv("vgg.31", x, padding=6, dilation=6).relu()).relu()
    sources.append(x)
    for i in range(8):
        x = conv(f"extras.{i}", x, **({"stride": 2, "padding": 1} if i in (1, 3) else {})).relu()
        if i % 2:
            sources.append(x)
    heads = [
        torch.cat([conv(f"{kind}.{i}", s, padding=1).permute(0, 2, 3, 1).reshape(-1) for i, s in enumerate(sources)])
        for kind in ("loc", "conf")
    ]
    return heads[0].view(-1, 4), heads[1].view(len(heads[0]) // 4, -1)


def slow_priors(name: str) -> np.ndarray:
    """Centers and sides of priors, cut to 0 … 1 as amdegroot and lufficc cut them, in a loop."""
    spec, rows = SPECS[name], []
    side = spec.input_size[0]
    for m in spec.maps:
        assert m.max_size is not None
        for i, j in product(range(m.cells[0]), repeat=2):
            center = [(j + 0.5) * m.step[0] / side, (i + 0.5) * m.step[0] / side]
            small, both = m.min_size / side, sqrt(m.min_size * m.max_size) / side
            rows += [[*center, small, small], [*center, both, both]]
            for ratio in m.ratios:
                rows.append([*center, small * sqrt(ratio), small / sqrt(ratio)])
                rows.append([*center, small / sqrt(ratio), small * sqrt(ratio)])
    return np.array(rows).clip(0, 1)


def test_amdegroot(tmp_path: Path) -> None:
    """Offsets and logits equal a forward pass over its layer list; priors and settings are its own."""
    state = amdegroot(300, 21)
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "weights.pth")
    model = import_weights(tmp_path / "weights.pth")
    assert model.class_names == VOC_CLASSES
    image = torch.randint(0, 256, (1, 3, 300, 300)).float()
    with torch.inference_mode():
        offsets, logits = model(image)
        expected = forward(state, image - torch.tensor([123.0, 117.0, 104.0])[:, None, None])
    assert torch.allclose(offsets[0], expected[0], rtol=1e-3, atol=1e-3 * expected[0].std())
    assert torch.allclose(logits[0], expected[1], rtol=1e-3, atol=1e-3 * expected[1].std())
    np.testing.assert_allclose(model.coder.priors, slow_priors("ssd300-voc"), atol=1e-6)
    assert (model.config.detection.per_class, model.config.detection.per_image) == (200, 4000)
    assert not model.config.clip


def test_amdegroot_converted_from_caffe(tmp_path: Path) -> None:
    """The file converted from Caffe is known by its name and turned to RGB; `channels` overrules the name."""
    state = amdegroot(300, 21)
    torch.save(state, tmp_path / "ssd_300_VOC0712.pth")
    weight = import_weights(tmp_path / "ssd_300_VOC0712.pth").state_dict()["base.conv1_1.weight"]
    assert torch.equal(weight, state["vgg.0.weight"][:, [2, 1, 0]])
    kept = convert(ForeignWeights("ssd_300_VOC0712.pth", state), ImportChoices(channels="rgb")).state_dict()[
        "base.conv1_1.weight"
    ]
    assert torch.equal(kept, state["vgg.0.weight"])
    with pytest.raises(UsageError, match="'gray' is not known"):
        convert(ForeignWeights("x.pth", state), ImportChoices(channels="gray"))


@pytest.mark.parametrize(("side", "newer"), [(300, True), (300, False), (512, True)])
def test_lufficc(side: int, newer: bool) -> None:
    """The same tensors under lufficc's names lead to the same model as amdegroot's, with lufficc's limits."""
    state = amdegroot(side, 81)
    model = convert(ForeignWeights("l.pth", lufficc(state, newer=newer)))
    twin = convert(ForeignWeights("a.pth", state))
    assert model.class_names == COCO_CLASSES
    for (name, value), (_, expected) in zip(model.state_dict().items(), twin.state_dict().items(), strict=True):
        assert torch.equal(value, expected), name
    assert torch.equal(model.extras[-1][2].weight, state[f"extras.{len(EXTRAS[side]) - 1}.weight"])
    np.testing.assert_allclose(model.coder.priors, slow_priors(f"ssd{side}-coco"), atol=1e-6)
    assert model.config.detection.per_image == 100
    assert model.config.detection.per_class == model.config.priors.count


@pytest.fixture(scope="module")
def official() -> ForeignWeights:
    """The authors' SSD512 under their names, as the reader returns it, for 7 classes."""
    blobs = official_deploy(512, outputs=8, rng=np.random.default_rng(0)).blobs
    tensors = {
        f"{layer}.{name}": torch.from_numpy(blob)
        for layer, (_, arrays) in blobs.items()
        for name, blob in zip(("weight", "bias"), arrays, strict=False)
    }
    return ForeignWeights("m.caffemodel", tensors)


def test_authors_512(official: ForeignWeights) -> None:
    """SSD512 of the authors: every tensor in place, first layer RGB, sizes cut to whole pixels."""
    model = convert(official)
    state = model.state_dict()
    assert torch.equal(state["base.conv1_1.weight"], official["conv1_1.weight"][:, [2, 1, 0]])
    assert torch.equal(state["base.fc7.bias"], official["fc7.bias"])
    assert torch.equal(state["norm.weight"], official["conv4_3_norm.weight"])
    assert torch.equal(state["extras.4.2.weight"], official["conv10_2.weight"])
    assert torch.equal(state["heads.confidence.6.weight"], official["conv10_2_mbox_conf.weight"])
    assert torch.equal(state["heads.location.0.bias"], official["conv4_3_norm_mbox_loc.bias"])
    assert model.class_names == tuple(f"class {i}" for i in range(1, 8))
    assert model.config.priors.truncate
    widths = model.coder.priors[: 64 * 64 * 4, 2].view(-1, 4)[0] * 512
    np.testing.assert_allclose(widths[:2], [35, sqrt(35 * 76)], rtol=1e-6)
    assert convert(official, ImportChoices(priors="ssd512-coco")).config.priors.maps[0].min_size == 20.48


def test_given_priors(official: ForeignWeights) -> None:
    """Priors given as a PriorSpec, with other sizes than any known model, against the priors of the model."""
    maps = tuple(replace(m, min_size=m.min_size + 2.5) for m in SPECS["ssd512-voc"].maps)
    model = convert(official, ImportChoices(priors=replace(SPECS["ssd512-voc"], maps=maps)))
    assert model.config.priors.maps == maps
    assert model.config.priors.truncate


def test_authors_priors_come_from_the_file(official: ForeignWeights) -> None:
    """A fine-tuned model for VOC classes keeps the COCO sizes that its PriorBox layers name."""
    wanted = SPECS["ssd512-coco"].maps
    given = tuple(
        CaffePriors((float(np.float32(m.min_size)),), (float(np.float32(m.max_size or 0)),), m.ratios,
                    (0.1, 0.1, 0.2, 0.2), m.step[0], False)
        for m in wanted
    )  # fmt: skip
    layers = tuple(CaffeLayer("p", (), priors) for priors in given)
    model = convert(ForeignWeights("m.caffemodel", official.tensors, layers))
    assert model.config.priors.maps == wanted
    assert model.config.variances == (0.1, 0.1, 0.2, 0.2)


def test_authors_file_with_priors(tmp_path: Path) -> None:
    """The same through a whole file: PriorBox layers as training writes them are found by the reader."""
    net = official_deploy(300, outputs=3, rng=np.random.default_rng(0))
    sizes, steps = (21, 45, 99, 153, 207, 261, 315), (8, 16, 32, 64, 100, 300)
    ratios = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
    layers = [
        wire.prior_box_layer(f"p{i}", sizes=(sizes[i], sizes[i + 1]), ratios=ratios[i], step=steps[i]) for i in range(6)
    ]
    (tmp_path / "m.caffemodel").write_bytes(caffemodel(net.blobs) + b"".join(layers))
    model = import_weights(tmp_path / "m.caffemodel", class_names=["cat", "dog"])
    assert model.config.priors.maps == SPECS["ssd300-coco"].maps
    assert model.class_names == ("cat", "dog")
    assert origin_of(ForeignWeights("m", {"conv4_3_norm_mbox_loc.weight": torch.zeros(1)})) == "authors' SSD for Caffe"


def test_choices_that_do_not_fit(official: ForeignWeights) -> None:
    """Class names of the wrong number, a name twice, and priors of another size say what is right."""
    with pytest.raises(UsageError, match=r"2 class names for m\.caffemodel, which has 7 classes"):
        convert(official, ImportChoices(class_names=["a", "b"]))
    with pytest.raises(UsageError, match="'a' is given twice"):
        convert(official, ImportChoices(class_names=list("abcdefa"[:7])))
    with pytest.raises(UsageError, match="other maps than those of ssd512"):
        convert(official, ImportChoices(priors=SPECS["ssd300-voc"]))
    with pytest.raises(UsageError, match="is an ssd512, not 'ssd300-voc': choose ssd512-voc or ssd512-coco"):
        convert(official, ImportChoices(priors="ssd300-voc"))


def test_files_that_do_not_fit(official: ForeignWeights) -> None:
    """A missing tensor, a tensor of another shape, the first version, and something else are each named."""
    tensors = dict(official.tensors)
    missing = {name: value for name, value in tensors.items() if name != "conv9_1.bias"}
    with pytest.raises(WeightsError, match=r"lacks 'conv9_1\.bias'"):
        convert(ForeignWeights("m", missing))
    with pytest.raises(WeightsError, match=r"'fc6.weight' with shape \(4096, 25088\)"):
        convert(ForeignWeights("m", tensors | {"fc6.weight": torch.zeros(1).expand(4096, 25088)}))
    with pytest.raises(WeightsError, match="first version of SSD"):
        convert(ForeignWeights("m", tensors | {"pool6_mbox_loc.weight": torch.zeros(1)}))
    with pytest.raises(WeightsError, match=r"no SSD of a known origin.*layer1\.weight"):
        convert(ForeignWeights("m", {"layer1.weight": torch.zeros(1)}))


class Harmful:
    def __reduce__(self) -> tuple:
        return print, ("this must not run",)


def test_unsafe_and_broken_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pickle that would run code does not run it; text, a folder's name and an empty state dict are errors."""
    torch.save({"a": Harmful()}, tmp_path / "harm.pth")
    (tmp_path / "text.pth").write_text("<html>not found</html>")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    for name, message in {
        "harm.pth": "could run code",
        "text.pth": r"(not a complete \.pth|could run code)",
        "empty.pth": "no named tensors",
        "none.pth": "does not exist",
    }.items():
        with pytest.raises(WeightsError, match=message) as caught:
            import_weights(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_options_of_other_origins() -> None:
    """Options that an origin does not use are refused in one line instead of ignored."""
    foreign = ForeignWeights("x.pth", lufficc(amdegroot(300, 2), newer=True))
    for choices, message in (
        (ImportChoices(channels="bgr"), "whose order of colors is known: leave out --channels"),
        (ImportChoices(scale=0.5), "--mean and --scale are for Caffe models .* leave them out for x.pth"),
        (ImportChoices(class_names=("a", "b")), "2 class names for x.pth, which has 1 class: give 1 name,"),
    ):
        with pytest.raises(UsageError, match=message):
            convert(foreign, choices)


def test_other_containers(tmp_path: Path) -> None:
    """The same tensors from a .pth of before 2020, a training checkpoint and safetensors lead to the same model."""
    from safetensors.torch import save_file

    state = lufficc(amdegroot(300, 2), newer=True)
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"iteration": 1, "optimizer": {"lr": 0.1}, "model": state}, tmp_path / "checkpoint.pth")
    save_file(state, tmp_path / "state.safetensors", metadata={"format": "pt"})
    models = [import_weights(tmp_path / name) for name in ("old.pth", "checkpoint.pth", "state.safetensors")]
    for name, value in models[0].state_dict().items():
        assert all(torch.equal(model.state_dict()[name], value) for model in models[1:])


def test_own_files_are_not_imported(tmp_path: Path) -> None:
    """A file that multibox wrote is not imported again."""
    save_weights(tmp_path / "a.safetensors", tiny_model())
    with pytest.raises(WeightsError, match="already a multibox weight file"):
        import_weights(tmp_path / "a.safetensors")
