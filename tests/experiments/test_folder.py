"""The folder of a run: resuming, changes of settings and data, and a full disk."""

import json
import os
import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from multibox.data.load import load_dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.errors import TrainingError, UsageError
from multibox.experiments.folder import open_folder
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.quick import quick
from multibox.experiments.train import train
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig
from multibox.models.heads import Extra
from multibox.models.ssd import SSD
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.training import loop
from multibox.training.averages import StepLosses
from multibox.training.checkpoint import find_checkpoint, save_checkpoint
from multibox.training.metrics import read_metrics
from multibox.training.optimizer import OptimizerConfig, RateRule, Schedule
from multibox.training.run import Run
from multibox.weights.file import load_weights
from together import forks


def tiny_recipe(*, iterations: int) -> Recipe:
    priors = equation4_spec(Size(64, 64), [Size(8, 8), Size(4, 4), Size(2, 2)], ratios=[(2.0,)] * 3)
    model = ModelConfig("tiny", VGG16Config(width=1 / 32, batch_norm=True), (Extra(8, 16),), priors, std=(58.0,) * 3)
    steps = replace(quick().loop, batch_size=4, report_every=1, checkpoint_every=2)
    return replace(quick(), model=model, loop=steps, schedule=Schedule(iterations, rate=0.01), train_split="train")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=6, seed=0, size=Size(80, 96), split="train")
    write_scenes(folder, count=3, seed=0, size=Size(80, 96), split="val")
    return folder


def assert_same(model: SSD, other: SSD) -> None:
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_a_longer_schedule_continues(scenes: Path, tmp_path: Path):
    """Two steps and then, with a changed recipe, two more against a run of four."""
    short, long = tiny_recipe(iterations=2), tiny_recipe(iterations=4)
    train(short, data=scenes, out=tmp_path / "run")
    with pytest.raises(
        TrainingError, match=r"\(schedule\.iterations was 2, is 4\): continue anyway with --accept-changes"
    ):
        train(long, data=scenes, out=tmp_path / "run", resume=True)
    lines: list[str] = []
    longer = train(long, data=scenes, out=tmp_path / "run", resume=True, accept_changes=True, on_message=lines.append)
    assert "continuing with changes: schedule.iterations was 2, is 4" in lines
    assert lines[-1] == "continuing after step 2 of 4"
    assert_same(longer, train(long, data=scenes, out=tmp_path / "whole"))
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == [1, 2, 3, 4]
    train(long, data=scenes, out=tmp_path / "run", resume=True)  # the new recipe is now the run's


def test_run_of_version_0_1_0_continues(scenes: Path, tmp_path: Path):
    """Two steps, then a folder with the names of version 0.1.0 and two more steps, against a run of four."""
    text = (Path(__file__).parents[1] / "data_files" / "recipes" / "tiny.json").read_text()
    recipe, old = Recipe.from_json(json.loads(text)), tmp_path / "old"
    train(replace(recipe, schedule=replace(recipe.schedule, iterations=2)), data=scenes, out=old)
    state = find_checkpoint(old).state
    assert state is not None
    state["averages"]["pictures"] = state["averages"].pop("images")
    state["facts"]["recipe"] = json.loads(text)
    save_checkpoint(old, state)
    (old / "recipe.json").write_text(text)
    lines: list[str] = []
    resumed = train(recipe, data=scenes, out=old, resume=True, on_message=lines.append)
    assert lines[-1] == "continuing after step 2 of 4"
    assert not any("changes" in line for line in lines)
    assert_same(resumed, train(recipe, data=scenes, out=tmp_path / "whole"))


def test_changed_settings_take_effect(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Momentum and decay of the optimizer after accepted changes against the new settings."""
    train(tiny_recipe(iterations=2), data=scenes, out=tmp_path / "run")
    other = replace(tiny_recipe(iterations=4), optimizer=OptimizerConfig(momentum=0.5, weight_decay=0.25))
    seen = []
    monkeypatch.setattr(
        "multibox.experiments.train.fit", lambda run, *_, **others: seen.append(run.optimizer.param_groups)
    )
    train(other, data=scenes, out=tmp_path / "run", resume=True, accept_changes=True)
    assert {group["momentum"] for group in seen[0]} == {0.5}
    assert {group["weight_decay"] for group in seen[0]} == {0.0, 0.25}


def test_model_and_classes_cannot_change(scenes: Path, tmp_path: Path):
    """Another width and fewer classes, both accepted, against errors that name the old and the new value."""
    recipe = tiny_recipe(iterations=2)
    train(recipe, data=scenes, out=tmp_path / "run")
    wide = replace(recipe, model=replace(recipe.model, base=VGG16Config(width=1 / 16, batch_norm=True)))
    with pytest.raises(
        TrainingError, match=r"another model or other classes \(model\.base\.width was 0\.03125, is 0\.0625\)"
    ):
        train(wide, data=scenes, out=tmp_path / "run", resume=True, accept_changes=True)
    few = load_dataset(scenes, split="train", classes=["disc", "ring"])
    with pytest.raises(TrainingError, match=r"data\.classes was .*'cross'.* is \['disc', 'ring'\]"):
        train(recipe, data=few, out=tmp_path / "run", resume=True, accept_changes=True)


def test_another_name_for_the_same_split(scenes: Path, tmp_path: Path):
    """The split that is trained on by default, named in the resumed run, against no changes; another one is named."""
    recipe = tiny_recipe(iterations=2)
    train(recipe, data=scenes, out=tmp_path / "run")
    lines: list[str] = []
    train(replace(recipe, train_split="train"), data=scenes, out=tmp_path / "run", resume=True, on_message=lines.append)
    assert not any("with changes" in line for line in lines)
    with pytest.raises(TrainingError, match=r"\(train_split was train, is val; data\.images was"):
        train(replace(recipe, train_split="val"), data=scenes, out=tmp_path / "run", resume=True)


def test_changed_data_are_named(scenes: Path, tmp_path: Path):
    """A missing image, and a box moved by a pixel, against errors that name them; accepted changes continue the run."""
    recipe = tiny_recipe(iterations=2)
    dataset = load_dataset(scenes, split="train")
    train(recipe, data=dataset, out=tmp_path / "run")
    fewer = replace(dataset, examples=dataset.examples[:-1])
    with pytest.raises(TrainingError, match=r"data\.images was 6, is 5; data\.objects was"):
        train(recipe, data=fewer, out=tmp_path / "run", resume=True)
    first = dataset.examples[0]
    moved = replace(dataset, examples=(replace(first, boxes=first.boxes + 1), *dataset.examples[1:]))
    with pytest.raises(TrainingError, match=r"\(data\.annotations was [0-9a-f]{12}, is [0-9a-f]{12}\)"):
        train(recipe, data=moved, out=tmp_path / "run", resume=True)
    longer = tiny_recipe(iterations=3)
    train(longer, data=moved, out=tmp_path / "run", resume=True, accept_changes=True)
    elsewhere = shutil.copytree(scenes, tmp_path / "copy")
    with pytest.raises(TrainingError, match="annotations"):
        train(longer, data=elsewhere, out=tmp_path / "run", resume=True)
    train(longer, data=moved, out=tmp_path / "run", resume=True)


def test_changes_without_a_step_are_refused(scenes: Path, tmp_path: Path):
    """Schedules that end at or before the run's step, and other data for a finished run, against errors that name the
    step and leave every file as it was; resuming without changes says that nothing is left."""
    run = tmp_path / "run"
    train(tiny_recipe(iterations=3), data=scenes, out=run)
    files = {path: path.read_bytes() for path in run.iterdir()}
    for steps in (2, 1):
        with pytest.raises(
            TrainingError,
            match=rf"at step 3, and schedule\.iterations={steps}; add --set .*N above 3, or use its weights",
        ):
            train(tiny_recipe(iterations=steps), data=scenes, out=run, resume=True, accept_changes=True)
    fewer = load_dataset(scenes, split="train")
    fewer = replace(fewer, examples=fewer.examples[:-1])
    with pytest.raises(TrainingError, match=r"train nothing with these changes: it is at step 3"):
        train(tiny_recipe(iterations=3), data=fewer, out=run, resume=True, accept_changes=True)
    assert {path: path.read_bytes() for path in run.iterdir()} == files
    lines: list[str] = []
    train(tiny_recipe(iterations=3), data=scenes, out=run, resume=True, accept_changes=True, on_message=lines.append)
    assert lines[-1] == (
        "nothing is left to train: it is at step 3, and schedule.iterations=3; "
        "for more steps add --set schedule.iterations=N with N above 3 and --accept-changes"
    )
    train(tiny_recipe(iterations=4), data=scenes, out=run, resume=True, accept_changes=True)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"optimizer": OptimizerConfig(kind="adamw")}, r"optimizer\.kind .*\(it was sgd, is adamw\)"),
        ({"optimizer": OptimizerConfig(rates=(RateRule("^base", 0.0),))}, r"optimizer\.rates .*\(it was \[\], is .*\)"),
        ({"start_weights": "voc.safetensors"}, r"start_weights .*\(it was None, is voc\.safetensors\)"),
        ({"base_weights": "vgg16"}, r"base_weights .*\(it was None, is vgg16\)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_changes_that_come_too_late_are_refused(scenes: Path, tmp_path: Path, change: dict[str, Any], match: str):
    """What counts from the first step on, changed after two, against an error."""
    train(tiny_recipe(iterations=2), data=scenes, out=tmp_path / "run")
    changed = replace(tiny_recipe(iterations=4), **change)
    with pytest.raises(TrainingError, match=rf"at step 2, and {match}: choose another --out"):
        train(changed, data=scenes, out=tmp_path / "run", resume=True, accept_changes=True)


def test_other_factors_of_the_same_rate_rules_are_accepted(scenes: Path, tmp_path: Path):
    """A rule that multiplies the rate of the same parameters by less, after two steps, against a third step."""
    recipe = replace(tiny_recipe(iterations=2), optimizer=OptimizerConfig(rates=(RateRule("^heads", 0.5),)))
    train(recipe, data=scenes, out=tmp_path)
    slower = replace(tiny_recipe(iterations=3), optimizer=OptimizerConfig(rates=(RateRule("^heads", 0.25),)))
    train(slower, data=scenes, out=tmp_path, resume=True, accept_changes=True)
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2, 3]


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """Limit files to `size` bytes inside the block: larger writes fail as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [100_000, 400_000])
def test_a_full_disk_ends_in_one_line(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int):
    """A full disk at step 3, for weights or checkpoint: an error, intact files of step 2, and a run to resume."""
    recipe = tiny_recipe(iterations=4)
    whole = train(recipe, data=scenes, out=tmp_path / "whole")
    step, full = loop.take_step, small_disk(room)

    def fill(run: Run, names: list[str], losses: StepLosses) -> None:
        if run.step == 2:
            full.__enter__()
        step(run, names, losses)

    monkeypatch.setattr(loop, "take_step", fill)
    name = "last.safetensors" if room < 200_000 else "checkpoint.pt"
    try:
        with pytest.raises(
            TrainingError, match=rf"no room to write .*{name} \(File too large\): .* need about \d MB"
        ) as error:
            train(recipe, data=scenes, out=tmp_path / "run")
    finally:
        full.__exit__(None, None, None)
    monkeypatch.undo()
    assert "free some room and continue with --resume" in str(error.value)
    state = find_checkpoint(tmp_path / "run").state
    assert state is not None
    assert state["step"] == 2
    assert not [name for name in os.listdir(tmp_path / "run") if "unfinished" in name]
    load_weights(tmp_path / "run" / "last.safetensors")
    assert_same(whole, train(recipe, data=scenes, out=tmp_path / "run", resume=True))
    assert len(read_metrics(tmp_path / "run")) == 4


def test_a_damaged_checkpoint_is_reported_and_not_used(scenes: Path, tmp_path: Path):
    """A run with one damaged checkpoint, then with two, against a whole run and a line about each."""
    recipe = tiny_recipe(iterations=4)
    whole = train(recipe, data=scenes, out=tmp_path / "run")
    newest, previous = tmp_path / "run" / "checkpoint.pt", tmp_path / "run" / "checkpoint.previous.pt"
    os.truncate(newest, 1000)
    lines: list[str] = []
    resumed = train(recipe, data=scenes, out=tmp_path / "run", resume=True, on_message=lines.append)
    assert_same(whole, resumed)
    problem = f"{newest} is damaged (it is truncated or not a checkpoint)"
    assert f"{problem}: continuing from the previous one" in lines
    for path in (newest, previous):
        os.truncate(path, 1000)
    lines.clear()
    resumed = train(recipe, data=scenes, out=tmp_path / "run", resume=True, on_message=lines.append)
    assert_same(whole, resumed)
    assert f"{problem}; {previous} is damaged" in "\n".join(lines)
    assert any(line.endswith("the run starts from the beginning") for line in lines)
    load_weights(tmp_path / "run" / "last.before.safetensors")


def test_missing_best_weights_are_written_again(scenes: Path, tmp_path: Path):
    """A run that is resumed without its best weights against a line about them and a new file."""
    recipe = replace(tiny_recipe(iterations=2), validation_split="val")
    train(recipe, data=scenes, out=tmp_path / "run")
    best = tmp_path / "run" / "best.safetensors"
    best.unlink()
    longer = replace(recipe, schedule=Schedule(4, rate=0.01))
    lines: list[str] = []
    train(longer, data=scenes, out=tmp_path / "run", resume=True, accept_changes=True, on_message=lines.append)
    assert f"{best} is missing or damaged: the next validation writes a new one" in lines
    load_weights(best)


def test_patience_ends_a_run(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Scores that never rise, with patience for two validations, against an end after the third; resuming changes
    nothing. The scores are given: those of an untrained network depend on the processor."""
    monkeypatch.setattr("multibox.evaluation.evaluate.evaluate", lambda *_, **__: SimpleNamespace(mean=0.25))
    lines: list[str] = []
    steps = replace(tiny_recipe(iterations=9).loop, validate_every=1, patience=2)
    recipe = replace(tiny_recipe(iterations=9), loop=steps, validation_split="val", schedule=Schedule(9, rate=0.0))
    train(recipe, data=scenes, out=tmp_path / "run", on_message=lines.append)
    assert lines[-1] == "stopped early: the last 2 validations gave no better score than 0.2500"
    assert [row["step"] for row in read_metrics(tmp_path / "run") if "score" in row] == [1, 2, 3]
    train(recipe, data=scenes, out=tmp_path / "run", resume=True)
    assert read_metrics(tmp_path / "run")[-1]["step"] == 3
    with pytest.raises(UsageError, match=r"loop\.patience=2 counts validations.*set validation_split"):
        train(replace(recipe, validation_split=None), data=scenes, out=tmp_path / "other")


def test_a_folder_of_partial_files_is_empty(scenes: Path, tmp_path: Path):
    """A folder with only a partial file of a killed process against a new run that removes it."""
    (tmp_path / ".recipe.json.1.unfinished").write_text("{")
    train(tiny_recipe(iterations=2), data=scenes, out=tmp_path)
    assert not list(tmp_path.glob(".*"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(TrainingError, match="holds no run to resume"):
        train(tiny_recipe(iterations=2), data=scenes, out=other, resume=True)


@forks
def test_two_processes_cannot_train_in_one_folder(scenes: Path, tmp_path: Path):
    """Resuming while another process trains in the folder against an error; after its death, against a run."""
    recipe = tiny_recipe(iterations=2)
    train(recipe, data=scenes, out=tmp_path / "run")
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        with open_folder(tmp_path / "run", resume=True):
            os.write(tell, b".")
            signal.pause()
    try:
        assert os.read(ready, 1) == b"."
        with pytest.raises(TrainingError, match=r"another process is training in .*run: let it end"):
            train(recipe, data=scenes, out=tmp_path / "run", resume=True)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    train(recipe, data=scenes, out=tmp_path / "run", resume=True)
    assert not (tmp_path / "run" / ".running").exists()
