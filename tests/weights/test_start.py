"""A training's start from a whole detector: which outputs go where."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from multibox.errors import WeightsError
from multibox.models.config import ModelConfig
from multibox.models.heads import Extra
from multibox.models.ssd import SSD
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.weights.file import save_weights
from multibox.weights.start import class_mapping, load_start

PRIORS = equation4_spec(Size(64, 64), [(8, 8), (4, 4), (2, 2)], ratios=[(2.0,)] * 3)
CONFIG = ModelConfig("tiny", "vgg16", (Extra(8, 16),), PRIORS, width=1 / 32, batch_norm=True)


def model(config: ModelConfig, names: tuple[str, ...], seed: int) -> SSD:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SSD(config, names)


def test_voc_starts_from_coco(tmp_path: Path):
    """Weights, class outputs, normalization and priors after the start against those of the two detectors."""
    coco = model(replace(CONFIG, std=(58.0, 57.0, 56.0)), ("person", "couch", "zebra"), seed=1)
    save_weights(tmp_path / "coco.safetensors", coco)
    voc = model(CONFIG, ("sofa", "person"), seed=2)
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


def test_classes_that_nobody_knew_begin_anew():
    """The mapping of names against: equal names first, then VOC's, and none for the rest."""
    assert class_mapping(("person", "couch", "sofa"), ("sofa", "tvmonitor", "person", "disc")) == {
        "sofa": "sofa",
        "person": "person",
    }


def test_what_cannot_be_had_is_named(tmp_path: Path):
    """A file that is not there and one of another structure against errors that name it and what to do."""
    with pytest.raises(WeightsError, match=r"runs/table5-ssd300/last\.safetensors do not exist: train the detector"):
        load_start(model(CONFIG, ("cat",), seed=0), "runs/table5-ssd300/last.safetensors")
    other = replace(CONFIG, extras=(Extra(8, 24),))
    save_weights(tmp_path / "other.safetensors", model(other, ("cat",), seed=0))
    with pytest.raises(WeightsError, match=r"other\.safetensors holds 'extras\.0.*shape"):
        load_start(model(CONFIG, ("cat",), seed=0), tmp_path / "other.safetensors")
