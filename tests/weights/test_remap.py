"""New classes for a trained detector, and the start of a training from a detector, against the old model's outputs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from multibox.data.classes.coco import COCO_CLASSES
from multibox.data.classes.published import COCO_BY_ID
from multibox.data.classes.voc import VOC_CLASSES
from multibox.errors import UsageError, WeightsError
from multibox.models.any_size import ssd_config
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig, slim300_config, ssdlite320_config
from multibox.models.heads import Extra
from multibox.models.ssd import SSD
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.weights.file import save_weights
from multibox.weights.remap import VOC_FROM_COCO, class_mapping, load_start, remap

OLD = ("cat", "dog", "car")


def old_model(kind: str) -> SSD:
    torch.manual_seed(0)
    config = slim300_config(width=1 / 32) if kind == "slim" else ssdlite320_config()
    model = SSD(config, OLD).eval()
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.add_(torch.rand(value.shape) * 0.05)
    return model


@pytest.mark.parametrize("kind", ["slim", "lite"])
def test_kept_classes(kind: str) -> None:
    """Offsets, background and kept classes have the old outputs; both mapped classes have those of one old class."""
    model = old_model(kind)
    new = remap(model, class_names=["van", "bird", "dog", "lorry"], mapping={"van": "car", "lorry": "car"})
    images = torch.randint(0, 256, (1, 3, *model.config.input_size), dtype=torch.uint8)
    with torch.inference_mode():
        offsets, logits = model(images)
        new_offsets, new_logits = new(images)
    assert torch.equal(offsets, new_offsets)
    assert torch.allclose(new_logits[..., [0, 1, 3, 4]], logits[..., [0, 3, 2, 3]], atol=1e-5)
    assert new_logits[..., 2].std() > 0
    assert new.class_names == ("van", "bird", "dog", "lorry")
    assert new.config == model.config
    assert not new.training


def test_new_classes_come_from_the_generator() -> None:
    """The same seed gives the same new class, another seed another, and torch's own generator is not touched."""
    model = old_model("slim")
    state = torch.random.get_rng_state()

    def first(seed: int) -> torch.Tensor:
        new = remap(model, class_names=["fox"], generator=torch.Generator().manual_seed(seed))
        return new.state_dict()["heads.confidence.0.weight"]

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_old_model_is_untouched() -> None:
    """Changing the new model's weights does not change the old model's."""
    model = old_model("slim")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    new = remap(model, class_names=["dog"])
    for parameter in new.parameters():
        parameter.data.zero_()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_voc_from_coco() -> None:
    """The map covers VOC's classes, names COCO classes, and pairs the positions of the official map file."""
    official = {1: 5, 2: 2, 3: 15, 4: 9, 5: 40, 6: 6, 7: 3, 8: 16, 9: 57, 10: 20, 11: 61, 12: 17, 13: 18, 14: 4, 15: 1,
                16: 59, 17: 19, 18: 58, 19: 7, 20: 63}  # fmt: skip
    assert {VOC_CLASSES.index(v) + 1: COCO_CLASSES.index(c) + 1 for v, c in VOC_FROM_COCO.items()} == official
    assert set(COCO_CLASSES) < set(COCO_BY_ID)


@pytest.mark.parametrize(
    ("names", "mapping", "message"),
    [
        (["dog"], {"cow": "dog"}, "'cow' is mapped but is not one of the new classes: dog"),
        (["cow"], {"cow": "ox"}, "'cow' cannot continue 'ox': the model has cat, dog, car"),
        (["dog", "dog"], {}, "contain a name twice"),
        ([], {}, "are empty"),
    ],
)
def test_wrong_mappings(names: list[str], mapping: dict[str, str], message: str) -> None:
    """Each impossible mapping against its message."""
    with pytest.raises(UsageError, match=message):
        remap(old_model("slim"), class_names=names, mapping=mapping)


PRIORS = equation4_spec(Size(64, 64), [Size(8, 8), Size(4, 4), Size(2, 2)], ratios=[(2.0,)] * 3)
CONFIG = ModelConfig("tiny", VGG16Config(width=1 / 32, batch_norm=True), (Extra(8, 16),), PRIORS)


def random_model(config: ModelConfig, names: tuple[str, ...], seed: int) -> SSD:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SSD(config, names)


def lite_config_of(side: int) -> ModelConfig:
    return ssd_config("efficientnet_lite0", Size(side, side))


def test_voc_starts_from_coco(tmp_path: Path):
    """Weights, class outputs, normalization and priors after the start against those of the two detectors."""
    coco = random_model(replace(CONFIG, std=(58.0, 57.0, 56.0)), ("person", "couch", "zebra"), seed=1)
    save_weights(tmp_path / "coco.safetensors", coco)
    voc = random_model(CONFIG, ("sofa", "person"), seed=2)
    load_start(voc, tmp_path / "coco.safetensors")
    old, new = coco.state_dict(), voc.state_dict()
    for name in old:
        if "confidence" not in name:
            assert torch.equal(old[name], new[name]), name
    before = old["heads.confidence.0.weight"].unflatten(0, (-1, 4))
    after = new["heads.confidence.0.weight"].unflatten(0, (-1, 3))
    for ours, theirs in ((0, 0), (1, 2), (2, 1)):  # background, sofa from couch, person
        assert torch.equal(after[:, ours], before[:, theirs])
    assert voc.config.std == (58.0, 57.0, 56.0)


def test_another_input_size_keeps_what_fits(tmp_path: Path):
    """A start at 224 from 320 and the reverse: base, extra layers and predictors against those of the two detectors."""
    large, small = (random_model(lite_config_of(side), ("cat",), seed=side) for side in (320, 224))
    for old, new, fresh in ((large, small, [3]), (small, large, [3, 5])):
        save_weights(tmp_path / "old.safetensors", old)
        before = {name: value.clone() for name, value in new.state_dict().items()}
        assert load_start(new, tmp_path / "old.safetensors") == fresh
        after, source = new.state_dict(), old.state_dict()
        kept = tuple(f"heads.{kind}.{i}." for kind in ("location", "confidence") for i in fresh)
        for name, value in after.items():
            own = name.startswith(kept) or name not in source
            assert torch.equal(value, before[name] if own else source[name]), name
        new.load_state_dict(before)


def test_unknown_classes_start_from_random_weights():
    """The mapping of names: equal names first, then VOC's, and none for the others."""
    assert class_mapping(("person", "couch", "sofa"), ("sofa", "tvmonitor", "person", "disc")) == {
        "sofa": "sofa",
        "person": "person",
    }


def test_unusable_start_weights_are_named(tmp_path: Path):
    """A missing file and a file of another structure against errors that name the file and the next step."""
    with pytest.raises(WeightsError, match=r"runs/table5-ssd300/last\.safetensors do not exist: train that detector"):
        load_start(random_model(CONFIG, ("cat",), seed=0), "runs/table5-ssd300/last.safetensors")
    other = replace(CONFIG, extras=(Extra(8, 24),))
    save_weights(tmp_path / "other.safetensors", random_model(other, ("cat",), seed=0))
    with pytest.raises(WeightsError, match=r"other\.safetensors holds 'extras\.0.*shape"):
        load_start(random_model(CONFIG, ("cat",), seed=0), tmp_path / "other.safetensors")


def test_new_classes_with_sigmoid_scores_start_rare():
    """The bias of a new class gives a score of 1 %; background and classes known in another case keep theirs."""
    model = random_model(replace(CONFIG, score_function="sigmoid"), ("Dog", "Cat"), seed=1)
    with torch.no_grad():
        for predictor in model.heads.confidence:
            predictor.bias.copy_(torch.arange(len(predictor.bias)))
    mapping = class_mapping(model.class_names, ("cat", "owl"))
    assert mapping == {"cat": "Cat"}
    new = remap(model, class_names=("cat", "owl"), mapping=mapping)
    old_bias, bias = (m.heads.confidence[0].bias.unflatten(0, (-1, 3)) for m in (model, new))
    assert torch.equal(bias[:, :2], old_bias[:, [0, 2]])
    assert torch.allclose(bias[:, 2].sigmoid(), torch.tensor(0.01))
