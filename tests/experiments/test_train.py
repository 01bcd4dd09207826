"""Training from data to weights in a run folder, on a network that steps in milliseconds."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from multibox.data.scenes.scenes import write_scenes
from multibox.errors import DataError, TrainingError, UsageError
from multibox.experiments.demo import demo, run_demo
from multibox.experiments.recipe import Recipe, override
from multibox.experiments.recipes.quick import quick
from multibox.experiments.train import train
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig
from multibox.models.heads import Extra
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.training.averages import StepLosses
from multibox.training.metrics import read_metrics
from multibox.training.optimizer import Schedule
from multibox.training.run import Run
from multibox.weights.file import load_weights


def tiny_recipe(base: Recipe, *, iterations: int = 4) -> Recipe:
    priors = equation4_spec(Size(64, 64), [Size(8, 8), Size(4, 4), Size(2, 2)], ratios=[(2.0,)] * 3)
    model = ModelConfig("tiny", VGG16Config(width=1 / 32, batch_norm=True), (Extra(8, 16),), priors, std=(58.0,) * 3)
    loop = replace(base.loop, batch_size=4, report_every=1, checkpoint_every=2)
    return replace(
        base,
        model=model,
        loop=replace(loop, fixed_statistics=None),
        schedule=Schedule(iterations, rate=0.01),
        optimizer=replace(base.optimizer, rates=()),
        start_weights=None,
    )


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=6, seed=0, size=Size(80, 96), split="train")
    write_scenes(folder, count=3, seed=0, size=Size(80, 96), split="val")
    return folder


def test_the_files_of_a_run(scenes: Path, tmp_path: Path):
    """The files of a run, and the facts in its weight file, against the recipe and the data set."""
    recipe = replace(tiny_recipe(quick()), train_split="train", validation_split="val")
    model = train(recipe, data=scenes, out=tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    checkpoints = {"checkpoint.pt", "checkpoint.previous.pt"}
    assert names == {"recipe.json", "metrics.jsonl", *checkpoints, "last.safetensors", "best.safetensors"}
    loaded, info = load_weights(tmp_path / "run" / "last.safetensors")
    assert loaded.class_names == ("cross", "disc", "ring", "square", "star", "triangle")
    assert Recipe.from_json(info["recipe"]) == recipe
    assert (info["images"], info["metric"]) == (6, "voc10")
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name
    assert "score" in read_metrics(tmp_path / "run")[-1]


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_broken_run_can_be_resumed(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    """Weights of a run that broke after its checkpoint and was resumed against those of an unbroken run."""
    recipe = override(tiny_recipe(quick(), iterations=6), ["train_split=train", f"optimizer.kind={kind}"])
    whole = train(recipe, data=scenes, out=tmp_path / "whole")

    from multibox.training import loop

    step = loop.take_step

    def power_cut(run: Run, names: list[str], losses: StepLosses) -> None:
        if run.step == 5:
            raise KeyboardInterrupt
        step(run, names, losses)

    monkeypatch.setattr(loop, "take_step", power_cut)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data=scenes, out=tmp_path / "broken")
    monkeypatch.undo()
    resumed = train(recipe, data=scenes, out=tmp_path / "broken", resume=True)
    assert [row["step"] for row in read_metrics(tmp_path / "broken")] == [1, 2, 3, 4, 5, 6]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_run_without_a_checkpoint_starts_from_the_beginning(scenes: Path, tmp_path: Path):
    """A resumed run with a recipe and no checkpoint against an unbroken run."""
    recipe = replace(tiny_recipe(quick(), iterations=2), train_split="train")
    whole = train(recipe, data=scenes, out=tmp_path / "run")
    for path in (tmp_path / "run").glob("checkpoint*"):
        path.unlink()
    again = train(recipe, data=scenes, out=tmp_path / "run", resume=True)
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == [1, 2]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_folder_is_never_overwritten(scenes: Path, tmp_path: Path):
    """A run into a folder that is not empty against an error and an unchanged folder."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(TrainingError, match="is not empty: continue with --resume or choose another --out"):
        train(tiny_recipe(quick()), data=scenes, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_resume_needs_the_same_recipe(scenes: Path, tmp_path: Path):
    """Resuming nothing, and resuming with another rate, against errors that name the folder and the difference."""
    recipe = replace(tiny_recipe(quick(), iterations=2), train_split="train")
    with pytest.raises(TrainingError, match="holds no run to resume"):
        train(recipe, data=scenes, out=tmp_path / "run", resume=True)
    train(recipe, data=scenes, out=tmp_path / "run")
    other = replace(recipe, schedule=Schedule(2, rate=0.5))
    with pytest.raises(TrainingError, match=r"schedule\.rate was 0\.01, is 0\.5"):
        train(other, data=scenes, out=tmp_path / "run", resume=True)


def test_data_that_would_spoil_training_is_refused(scenes: Path, tmp_path: Path):
    """A data set with a missing image against an error that names it, and no folder."""
    for part in ("Annotations", "ImageSets", "JPEGImages"):
        shutil.copytree(scenes / part, tmp_path / "copy" / part)
    (tmp_path / "copy" / "JPEGImages" / "train_00002.jpg").unlink()
    with pytest.raises(DataError, match=r"problems that would spoil training \(1\).*train_00002\.jpg.*data check"):
        train(replace(tiny_recipe(quick()), train_split="train"), data=tmp_path / "copy", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_mistakes_leave_no_folder(scenes: Path, tmp_path: Path):
    """An unknown recipe, missing data and an unknown split against errors, and no folder."""
    recipe = tiny_recipe(quick())
    with pytest.raises(UsageError, match="'swift' is not known"):
        train("swift", data=scenes, out=tmp_path / "run")
    with pytest.raises(DataError, match="nowhere"):
        train(recipe, data=scenes / "nowhere", out=tmp_path / "run")
    with pytest.raises(DataError, match="dusk"):
        train(replace(recipe, validation_split="dusk"), data=scenes, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_demo_ends_with_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """All stages of the demo on a few images against its files, reports and messages; nothing is printed."""
    recipe = tiny_recipe(demo(), iterations=2)
    rows: list[dict[str, object]] = []
    lines: list[str] = []
    result = run_demo(
        tmp_path / "demo",
        recipe=recipe,
        train_count=5,
        test_count=3,
        on_report=rows.append,
        on_message=lines.append,
    )
    text = result.report.read_text(encoding="utf-8")
    assert text.count("<img") >= 3
    for name in ("cross", "triangle", "test_00002"):
        assert name in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert rows == read_metrics(tmp_path / "demo" / "run")
    assert lines[0].startswith("drawing 8 images into ")
    assert result.to_json()["steps"] == 2
    assert load_weights(result.weights)[0].class_names == result.evaluation.class_names
    assert capsys.readouterr() == ("", "")
