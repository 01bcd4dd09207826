"""A recipe takes fitted priors from a file: --set model.priors=FILE."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from multibox.errors import InputError
from multibox.experiments.recipe import override
from multibox.experiments.recipes import find_recipe
from multibox.models.ssd import SSD
from multibox.priors import SPECS
from multibox.tiling.file import write_priors


def test_the_network_has_the_boxes_of_the_file(tmp_path: Path) -> None:
    """A tiling with other numbers of boxes a cell against the recipe and the number of predictions."""
    spec = SPECS["ssd300-voc"]
    first, second, *others = spec.maps
    maps = (replace(first, max_size=None, ratios=()), replace(second, min_size=44.0, ratios=(1.5, 2.5, 4.0)), *others)
    path = tmp_path / "priors.json"
    write_priors(path, replace(spec, maps=maps), about={})
    recipe = override(find_recipe("quick"), [f"model.priors={path}", "model.base.width=0.03125"])
    assert recipe.model.priors.maps == maps
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        model = SSD(replace(recipe.model, extras=recipe.model.extras), ["cell"]).eval()
        offsets, logits = model(torch.zeros(1, 3, 300, 300))
    count = 38 * 38 + 19 * 19 * 8 + 600 + 150 + 36 + 4
    assert offsets.shape == (1, count, 4)
    assert logits.shape == (1, count, 2)


def test_json_in_place_of_a_file_still_works() -> None:
    """The whole tiling as JSON text against the recipe."""
    spec = SPECS["ssd300-coco"]
    assert override(find_recipe("quick"), [f"model.priors={json.dumps(asdict(spec))}"]).model.priors == spec


def test_a_file_for_another_model_is_refused(tmp_path: Path) -> None:
    """Priors for SSD512, and a file that does not exist, against one line each."""
    path = tmp_path / "priors.json"
    write_priors(path, SPECS["ssd512-voc"], about={})
    with pytest.raises(InputError, match="but the model has 300 x 300"):
        override(find_recipe("quick"), [f"model.priors={path}"])
    with pytest.raises(InputError, match=r"cannot read priors: absent\.json"):
        override(find_recipe("quick"), ["model.priors=absent.json"])
