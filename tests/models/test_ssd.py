"""The whole SSD: numbers of priors, sources, initialization, detections, and configs as JSON."""

import json
from dataclasses import replace
from math import sqrt

import pytest
import torch
from torch import Tensor, nn

from multibox.coder import Coder
from multibox.errors import InputError, UsageError
from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import (
    ModelConfig,
    slim300_config,
    ssd300_config,
    ssd512_config,
    ssdlite320_config,
)
from multibox.models.heads import Extra
from multibox.models.layers import L2Norm
from multibox.models.ssd import SSD, ssd300, ssd512
from multibox.nms import DetectionSettings, select
from multibox.priors import PriorMap, PriorSpec, Step, sized_spec
from multibox.size import Size

NAMES = ("cat", "dog", "owl")
CONFIGS = {
    "ssd300": ssd300_config(),
    "ssd300-coco": ssd300_config(dataset="coco"),
    "ssd300-full": ssd300_config(atrous=False),
    "ssd300-bn": ssd300_config(batch_norm=True),
    "ssd512": ssd512_config(truncate=True),
    "ssdlite320": ssdlite320_config(),
    "slim300": slim300_config(),
}


def on_meta(config: ModelConfig) -> SSD:
    """The model without memory for its weights: only shapes."""
    with torch.device("meta"):
        return SSD(config, NAMES)


def narrow(config: ModelConfig, width: float = 1 / 16) -> ModelConfig:
    extras = tuple(replace(e, squeeze=round(e.squeeze * width), out=round(e.out * width)) for e in config.extras)
    return replace(config, base=replace(config.base, width=width), extras=extras)


def output_shapes(model: SSD) -> tuple[tuple[int, ...], tuple[int, ...]]:
    offsets, logits = model.eval()(torch.empty(2, 3, *model.config.input_size, device="meta"))
    return tuple(offsets.shape), tuple(logits.shape)


@pytest.mark.parametrize("name", CONFIGS)
def test_outputs_fit_the_priors(name: str) -> None:
    """As many rows of offsets and logits as there are priors, and one logit more than classes."""
    config = CONFIGS[name]
    assert output_shapes(on_meta(config)) == ((2, config.priors.count, 4), (2, config.priors.count, 4))
    assert {"ssd300": 8732, "ssd512": 24564, "ssdlit": 3234, "slim30": 8732}[name[:6]] == config.priors.count


@pytest.mark.parametrize(("build", "count"), [(ssd300, 26_285_486), (ssd512, 27_188_676)])
def test_number_of_parameters(build: type[SSD], count: int) -> None:
    """Parameters for the 20 VOC classes against kernel² · in · out + out over all layers and the published number."""
    with torch.device("meta"):
        model = build([f"class {i}" for i in range(20)])
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    formula = sum(m.kernel_size[0] ** 2 * m.in_channels * m.out_channels + m.out_channels for m in convolutions)
    assert sum(p.numel() for p in model.parameters()) == formula + 512 == count


def test_oblong_input() -> None:
    """A network for 192 x 320 images: sides of all maps worked out by hand, as many rows as priors."""
    cells = [Size(24, 40), Size(12, 20), Size(6, 10), Size(3, 5)]
    spec = sized_spec(Size(192, 320), cells, sizes=[20, 40, 80, 120, 160], ratios=[(2.0,)] * 4)
    config = ModelConfig("oblong", VGG16Config(width=1 / 16), (Extra(32, 64), Extra(32, 64)), spec)
    assert output_shapes(on_meta(config))[0] == (2, spec.count, 4)
    assert spec.maps[3].step == (64, 64)


@pytest.mark.parametrize("kept", [(0, 1, 2, 3, 4), (0, 1, 2, 3), (0, 1, 2), (0, 1), (1,), (0, 3, 5)])
def test_fewer_sources(kept: tuple[int, ...]) -> None:
    """Table 3: a network that predicts from some sources returns exactly the rows of the whole network for them."""
    torch.manual_seed(0)
    whole = SSD(narrow(ssd300_config()), NAMES).eval()
    config = replace(whole.config, sources=kept, priors=whole.config.priors.keep(kept))
    part = SSD(config, NAMES).eval()
    state = whole.state_dict()
    renamed = {k: v for k, v in state.items() if not k.startswith("heads")}
    for new, old in enumerate(kept):
        for side in ("location", "confidence"):
            for kind in ("weight", "bias"):
                renamed[f"heads.{side}.{new}.{kind}"] = state[f"heads.{side}.{old}.{kind}"]
    part.load_state_dict(renamed)
    images = torch.rand(1, 3, 300, 300) * 255
    counts = [m.count for m in whole.config.priors.maps]
    with torch.no_grad():
        for ours, theirs in zip(part(images), whole(images), strict=True):
            rows = theirs.split(counts, dim=1)
            assert torch.equal(ours, torch.cat([rows[i] for i in kept], dim=1))
    assert torch.equal(part.coder.corners, torch.cat([whole.coder.corners.split(counts)[i] for i in kept]))


def test_which_models_have_the_norm() -> None:
    """VGG without batch normalization has the L2 norm of conv4_3; the others have none."""
    assert isinstance(on_meta(CONFIGS["ssd300"]).norm, L2Norm)
    for name in ("ssd300-bn", "ssdlite320", "slim300"):
        assert isinstance(on_meta(CONFIGS[name]).norm, nn.Identity)


def test_norm_does_not_reach_the_base() -> None:
    """Only the head of conv4_3 sees the normalized map: a larger scale changes its rows and no others."""
    torch.manual_seed(1)
    model, images = SSD(narrow(ssd300_config()), NAMES).eval(), torch.rand(1, 3, 300, 300) * 255
    first = model.config.priors.maps[0].count
    with torch.no_grad():
        before = model(images)[0]
        model.norm.weight.mul_(2)
        after = model(images)[0]
    assert torch.equal(before[:, first:], after[:, first:])
    assert not torch.equal(before[:, :first], after[:, :first])


def test_initial_weights() -> None:
    """Weights are uniform within ±√(3 / fan-in): bound, mean and deviation of each large layer; biases are 0."""
    torch.manual_seed(2)
    model = SSD(narrow(ssd300_config(), 1 / 4), NAMES)
    for module in model.modules():
        if not isinstance(module, nn.Conv2d):
            continue
        fan_in, weight = module.in_channels * module.kernel_size[0] ** 2, module.weight.detach()
        assert weight.abs().max() <= sqrt(3 / fan_in)
        assert module.bias is not None
        assert not module.bias.any()
        if weight.numel() > 10_000:
            assert weight.abs().max() > 0.99 * sqrt(3 / fan_in)
            assert weight.std().item() * sqrt(fan_in) == pytest.approx(1, abs=0.02)
            assert weight.mean().abs() < 0.03 / sqrt(fan_in)


def test_initial_weights_of_ssdlite() -> None:
    """SSDLite's weights are normal with deviation 0.03."""
    torch.manual_seed(3)
    weights = [m.weight.flatten() for m in SSD(ssdlite320_config(), NAMES).modules() if isinstance(m, nn.Conv2d)]
    everything = torch.cat(weights).detach()
    assert everything.std().item() == pytest.approx(0.03, rel=0.01)
    assert (everything.abs() < 0.03).float().mean().item() == pytest.approx(0.6827, abs=0.005)


def test_same_seed_same_weights() -> None:
    """Two models from one seed are equal."""
    states = []
    for _ in range(2):
        torch.manual_seed(4)
        states.append(SSD(narrow(ssd300_config()), NAMES).state_dict())
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])


def test_input_normalization() -> None:
    """uint8 and float images with the same values have the same output: that of the base on (x - mean) / std."""
    torch.manual_seed(5)
    config = replace(narrow(slim300_config(), 1 / 16), mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
    model = SSD(config, NAMES).eval()
    seen: list[Tensor] = []
    model.base.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    images = torch.randint(0, 256, (2, 3, 300, 300), dtype=torch.uint8)
    with torch.no_grad():
        outputs = model(images), model(images.float())
    assert torch.equal(outputs[0][0], outputs[1][0])
    assert torch.equal(outputs[0][1], outputs[1][1])
    for channel, (mean, std) in enumerate(zip(config.mean, config.std, strict=True)):
        torch.testing.assert_close(seen[0][:, channel], (images[:, channel].float() - mean) / std)


def test_nothing_but_learned_values_to_save() -> None:
    """The state dict holds parameters and running statistics, no priors, mean or deviation."""
    model = SSD(narrow(slim300_config()), NAMES)
    learned = {name for name, _ in model.named_parameters()}
    others = {name.rsplit(".", 1)[1] for name in model.state_dict() if name not in learned}
    assert others == {"running_mean", "running_var", "num_batches_tracked"}


def tiny_model(*, clip: bool) -> SSD:
    maps = (
        PriorMap(Size(8, 8), Step(8.0, 8.0), 24.0, None, (2.0,)),
        PriorMap(Size(4, 4), Step(16.0, 16.0), 40.0, None, ()),
    )
    spec = PriorSpec(Size(64, 64), maps)
    settings = DetectionSettings(score_threshold=0.2, per_image=30)
    return SSD(ModelConfig("tiny", VGG16Config(width=1 / 16), (), spec, clip=clip, detection=settings), NAMES)


@pytest.mark.parametrize("clip", [False, True])
def test_postprocess(clip: bool) -> None:
    """Detections of each image are those of decoding, softmax and suppression by hand, clipped before or after."""
    generator = torch.Generator().manual_seed(6)
    model = tiny_model(clip=clip)
    offsets = torch.randn(3, model.config.priors.count, 4, generator=generator) * 3
    logits = torch.randn(3, model.config.priors.count, 4, generator=generator) * 2
    found = model.postprocess(offsets, logits)
    assert len(found) == 3
    for i, selection in enumerate(found):
        boxes = Coder(model.config.priors).decode(offsets[i])
        share = logits[i].exp() / logits[i].exp().sum(dim=1, keepdim=True)
        expected = select(boxes.clamp(0, 1) if clip else boxes, share[:, 1:], settings=model.config.detection)
        assert torch.equal(selection.labels, expected.labels)
        torch.testing.assert_close(selection.scores, expected.scores)
        torch.testing.assert_close(selection.boxes, expected.boxes.clamp(0, 1))
        assert (selection.labels < len(NAMES)).all()


def test_detect() -> None:
    """`detect` against `postprocess` of the outputs; it computes no gradients."""
    torch.manual_seed(7)
    model, images = tiny_model(clip=False).eval(), torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    for ours, expected in zip(model.detect(images), model.postprocess(*model(images)), strict=True):
        assert torch.equal(ours.boxes, expected.boxes)
        assert torch.equal(ours.scores, expected.scores)
        assert not ours.boxes.requires_grad


def test_everything_learns() -> None:
    """Every parameter gets a gradient with nonzero values."""
    torch.manual_seed(8)
    model = tiny_model(clip=False)
    offsets, logits = model(torch.rand(2, 3, 64, 64) * 255)
    (offsets.square().sum() + logits.square().sum()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_images_of_another_size() -> None:
    """Images that do not fit the priors raise a one-line error with both sizes and both counts."""
    message = r"images of 64 x 128 give 416 predictions, but tiny has 208 priors for 64 x 64: resize the images"
    with pytest.raises(InputError, match=message):
        tiny_model(clip=False)(torch.zeros(1, 3, 64, 128))


@pytest.mark.parametrize("name", CONFIGS)
def test_json_and_back(name: str) -> None:
    """A config after a round trip through JSON against itself."""
    assert ModelConfig.from_json(json.loads(json.dumps(CONFIGS[name].to_json()))) == CONFIGS[name]


def test_json_of_all_fields() -> None:
    """The same for a config with no default value in any field."""
    spec = PriorSpec(
        Size(60, 80), (PriorMap(Size(2, 3), Step(30.0, 26.5), 9.5, None, (1.5, 2.0)),), True, True, True, True
    )
    config = ModelConfig(
        "all",
        MobileNetV3Config(fine=True, full_tail=True),
        (Extra(1, 2, 5, 1, 3),),
        spec,
        sources=(1,),
        mean=(1.0, 2.0, 3.0),
        std=(4.0, 5.0, 6.0),
        variances=(0.1, 0.2, 0.3, 0.4),
        clip=True,
        score_function="sigmoid",
        box_code="corner",
        detection=DetectionSettings(0.1, 0.2, 3, 4),
    )
    defaults = ModelConfig("", VGG16Config(), (), PriorSpec(Size(1, 1), ()))
    assert [k for k in defaults.to_json() if getattr(config, k) == getattr(defaults, k)] == []
    assert ModelConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_slim_sizes() -> None:
    """Given prior sizes replace SSD300's, each map's largest being the next one's smallest."""
    maps = slim300_config(sizes=[10, 20, 40, 80, 120, 160, 200]).priors.maps
    assert [(m.min_size, m.max_size) for m in maps] == [(10, 20), (20, 40), (40, 80), (80, 120), (120, 160), (160, 200)]
    assert [m.cells for m in maps] == [m.cells for m in ssd300_config().priors.maps]


def test_full_vgg() -> None:
    """The name "vgg16_full" builds Table 2's network, with its 4096-channel fc6."""
    with torch.device("meta"):
        model = ssd300(NAMES, backbone="vgg16_full")
    assert model.base.channels == (512, 512, 4096)


def test_names_that_do_not_exist() -> None:
    """Unknown backbones, bases and data sets against errors that name the value and the choices."""
    with pytest.raises(UsageError, match="no backbone 'resnet50': choose vgg16"):
        ssd300(NAMES, backbone="resnet50")
    with pytest.raises(ValueError, match="'vgg19' found using 'kind' does not match any of the expected tags: 'vgg16'"):
        ModelConfig.from_json({**ssd300_config().to_json(), "base": {"kind": "vgg19"}})
    with pytest.raises(UsageError, match="no priors of ssd512 for 'kitti': choose voc or coco"):
        ssd512(NAMES, dataset="kitti")
