"""The detector that is part of the package."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from multibox.data.load import load_dataset
from multibox.detection.detector import Detector
from multibox.evaluation.evaluate import evaluate
from multibox.weights.file import load_weights, read_description
from multibox.weights.registry.detectors import DEFAULT
from multibox.weights.registry.fetch import fetch_published
from multibox.weights.source import open_weights

ANIMALS = Path(__file__).parents[3] / "shared" / "data" / "voc_animals"


def test_the_file_is_small_and_says_what_it_is():
    """Size, number type and description of the file against the list of weights."""
    file = fetch_published(DEFAULT)
    assert file.stat().st_size < 16e6
    assert {value.dtype for value in load_file(file).values()} == {torch.float16, torch.int64}
    description = read_description(file)
    assert tuple(description.class_names) == DEFAULT.class_names
    assert description.info["license"] == DEFAULT.license
    assert DEFAULT.score.startswith(f"{100 * description.info['score']:.1f} voc10")


def test_the_name_leads_to_the_file():
    """The detector opened by name against the detector opened by path."""
    by_name, about = open_weights(DEFAULT.name)
    in_file, info = load_weights(fetch_published(DEFAULT))
    assert about == info
    for key, value in in_file.state_dict().items():
        assert torch.equal(by_name.state_dict()[key], value), key


@pytest.mark.skipif(not ANIMALS.exists(), reason=f"no images of animals at {ANIMALS}")
def test_it_finds_animals():
    """AP on every sixth test image against the minimum for included weights."""
    dataset = load_dataset(ANIMALS, split="test", classes=DEFAULT.class_names)
    some = replace(dataset, examples=dataset.examples[::6])
    assert evaluate(Detector.load(), some).mean > 0.70
