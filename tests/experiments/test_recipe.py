"""Recipes as data: changes by name, round trips, errors that name what is wrong."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from multibox.data.augmentation.color import ColorJitter
from multibox.errors import UsageError
from multibox.experiments.recipe import Recipe, override
from multibox.experiments.recipes import RECIPES, find_recipe

STORED = Path(__file__).parents[1] / "data_files" / "recipes"


def stored(name: str) -> dict[str, Any]:
    return json.loads((STORED / f"{name}.json").read_text())


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name: str):
    """Every recipe against itself after writing and reading JSON text."""
    recipe = find_recipe(name)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.name == name


def test_recipes_of_version_0_1_0():
    """Recipes that version 0.1.0 wrote into run folders, against the same recipes today."""
    assert Recipe.from_json(stored("quick")) == find_recipe("quick")
    today = find_recipe("ssd300-voc")
    assert today.optimizer.momentum_rule == "caffe"  # version 0.1.0 had only the rule of PyTorch
    expected = replace(today, optimizer=replace(today.optimizer, momentum_rule="torch"))
    assert Recipe.from_json(stored("ssd300-voc")) == expected


def test_stored_recipes_are_old():
    """The files against the names of version 0.1.0, so that nobody replaces them with new ones."""
    for path in STORED.glob("*.json"):
        old = json.loads(path.read_text())
        assert old["model"]["base"] == "vgg16"
        assert "clip_centres" in old["model"]["priors"]
        assert {"colour", "normaliser", "pixels"} <= {*old, *old["augmentation"], *old["loop"]}


def test_incomplete_old_model_is_refused():
    """An old model without a width against the error that names the field."""
    old = stored("quick")
    del old["model"]["width"]
    with pytest.raises(UsageError, match=r"as version 0\.1\.0 did, but lacks a field: 'width'"):
        Recipe.from_json(old)


def test_overrides_reach_inner_settings():
    """Changed values against the settings."""
    changed = override(
        find_recipe("quick"), ["schedule.iterations=7", "loop.precision=fp32", "seed=3", "augmentation=none"]
    )
    assert (changed.schedule.iterations, changed.loop.precision, changed.seed) == (7, "fp32", 3)
    assert changed.augmentation.mirror == 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("schedule.iterations", "write key=value"),
        ("schedule.speed=3", "'speed' is not a setting here.*iterations"),
        ("size=416", "the input size is model.size, for example --set model.size=416"),
        ("model.input_size=416", "the input size is model.size"),
        ("clock.iterations=3", "'clock' is not a group"),
        ("schedule.iterations=many", "schedule.iterations='many' does not fit"),
        ("loop.precision=fp8", "loop.precision='fp8' does not fit"),
        ("metric=voc12", "metric 'voc12'; it is one of voc07, voc10"),
        ("augmentation=wild", "choose one of none, flip"),
        ("classes=cat", r"""^classes='cat' does not fit: .*; write a list, 'classes=\["cat"\]'$"""),
        ("classes=cat, dog", r"""write a list, 'classes=\["cat", "dog"\]'$"""),
        ("schedule.milestones=3", r"write a list, 'schedule.milestones=\[3\]'$"),
        ("schedule.milestones=3,8", r"write a list, 'schedule.milestones=\[3, 8\]'$"),
        ("model.std=58", r"write a list, 'model.std=\[58, 58, 58\]'$"),
        ("model.std=[58,57]", r"^model.std=\[58, 57\] does not fit: entry 3 is missing$"),
        ('model.extras=[{"squeeze":7}]', r"^model.extras.0={'squeeze': 7} does not fit: out is missing$"),
        ("model.extras=7", r"write a list in JSON, with squeeze, out, kernel, stride, padding in each entry$"),
        ("optimizer.rates=0.5", r"write a list in JSON, with pattern, rate in each entry$"),
        ("classes={}", "^classes={} does not fit: input should be a valid list$"),
        (
            "model.std.0=5",
            r"^--set model.std.0: model.std is a list, which is set as a whole, in JSON; now it is "
            r"'model.std=\[58.0, 58.0, 58.0\]'$",
        ),
        ("model.extras.0.squeeze=7", r"model.extras is a list, which .* now it is 'model.extras=\[{\"squeeze\": 64, "),
        ("schedule.iterations.x=5", r"schedule.iterations is one value \(1500\), .*write --set schedule.iterations="),
        ("train_split.x=5", r"train_split is one value \(null\), with no settings inside: write --set train_split="),
        ("loop=5", "^loop=5 does not fit: it is a group of settings, written as one JSON object$"),
        ('loop={"size": 3}', "^--set loop.size: 'size' is not a setting here; there are accumulate, batch_size"),
        (
            "augmentation.color.hue=5",
            r"""augmentation.color is null and has no settings; set all of it, 'augmentation.color={"hue": 5}'$""",
        ),
    ],
)
def test_wrong_settings_are_named(setting: str, message: str):
    """Errors against the setting that they must name and the correct values."""
    recipe = override(find_recipe("quick"), ["augmentation=none"])
    with pytest.raises(UsageError, match=message):
        override(recipe, [setting])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("loop.batch_size=0", "loop.batch_size is 0, it must be 1 to"),
        ("loop.accumulate=0", "loop.accumulate is 0, it must be 1 to"),
        ("schedule.iterations=-4", "schedule.iterations is -4, it must be 1 to"),
        ("schedule.rate=NaN", "schedule.rate is nan, it must be 0 to"),
        ("loop.ema=1", "loop.ema=1 is not from 0 to below 1"),
        ("optimizer.momentum=-1", "optimizer.momentum=-1 is not from 0 to below 1"),
        ("loop.fixed_statistics=(", r"loop.fixed_statistics='\(' is no regular expression: missing \)"),
        ('optimizer.rates=[["[",1]]', r"optimizer.rates.0.pattern='\[' is no regular expression: unterminated"),
        ("loss.negative_ratio=-1", "loss.negative_ratio is -1"),
        ("augmentation.mirror=7", "augmentation.mirror is 7.0, it must be 0 to 1"),
        ("seed=-1", "seed is -1, it must be 0 to"),
    ],
)
def test_numbers_out_of_range_are_named(setting: str, message: str):
    """Numbers and patterns that no training can use against the setting and its range."""
    with pytest.raises(UsageError, match=f"^the recipe quick cannot be trained: {message}"):
        override(find_recipe("quick"), [setting])


def test_a_group_that_is_null_is_set_whole() -> None:
    """The form that the message about a null group shows, against the settings."""
    changed = override(find_recipe("quick"), ["augmentation=none", 'augmentation.color={"hue": 5}'])
    assert changed.augmentation.color == ColorJitter(hue=5)


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000])
def test_settings_that_are_no_json_are_text(value: str):
    """Too deep lists and too long numbers against the error for text."""
    with pytest.raises(UsageError, match=r"^seed='.*does not fit"):
        override(find_recipe("quick"), [f"seed={value}"])


@pytest.mark.parametrize("fields", [{}, {"loop": {"precision": []}}, {"loop": 3}, {"loop": {"precision": "9" * 5000}}])
def test_documents_that_are_no_recipe(fields: dict[str, Any]):
    """Fields that are missing or of other types against an error of one short line."""
    with pytest.raises(UsageError, match=r"^.{,300} does not fit: .*$"):
        Recipe.from_json(fields)


def test_unknown_recipe_lists_the_known():
    """The error for an unknown recipe against the list of the known ones."""
    with pytest.raises(UsageError, match=r"'ssd9000' is not known: choose one of .*ssd300-voc"):
        find_recipe("ssd9000")


def test_old_words_are_not_settings() -> None:
    """A precision of version 0.1.0 in --set against one line that lists the words of today."""
    with pytest.raises(UsageError, match=r"loop\.precision='float32' does not fit: .*'fp32'"):
        override(find_recipe("quick"), ["loop.precision=float32"])
