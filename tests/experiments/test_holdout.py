"""Training that holds out images to score itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.test_train import tiny_recipe
from multibox.check.check import check_dataset
from multibox.check.text import check_text
from multibox.data.formats.split import split_lists
from multibox.data.load import load_dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.errors import TrainingError, UsageError
from multibox.experiments.data import load_run_data
from multibox.experiments.recipe import with_holdout
from multibox.experiments.recipes.quick import quick
from multibox.experiments.train import train
from multibox.size import Size
from multibox.training.metrics import read_metrics
from multibox.weights.file import load_weights


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=10, seed=0, size=Size(80, 96), split="trainval")
    return folder


def test_a_run_scores_the_held_out_images(scenes: Path, tmp_path: Path) -> None:
    """Scores in the metrics, the best weights, one line about the images, and those that were trained on."""
    recipe = with_holdout(tiny_recipe(quick()), 0.3)
    assert recipe.loop.validate_every == 1
    lines: list[str] = []
    train(recipe, data=scenes, out=tmp_path, on_message=lines.append)
    assert sum("score" in row for row in read_metrics(tmp_path)) >= 4
    said = [line for line in lines if line.startswith("holding out ")]
    assert len(said) == 1
    held = int(said[0].split()[2])
    _, info = load_weights(tmp_path / "best.safetensors")
    assert info["images"] == 10 - held
    assert info["recipe"]["holdout"] == 0.3


def test_a_split_of_its_own_comes_first(scenes: Path, tmp_path: Path) -> None:
    """A data set with train and val: nothing is held out, unless training sees the images of val too."""
    recipe = replace(tiny_recipe(quick()), holdout=0.3)
    whole = load_run_data(recipe, scenes)
    assert len(whole.train) + len(whole.validation or ()) == 10
    split_lists(scenes, share=0.5, out=tmp_path)
    assert load_run_data(replace(recipe, train_split="trainval"), scenes).line == whole.line
    write_scenes(tmp_path / "two", count=4, seed=0, size=Size(80, 96), split="train")
    write_scenes(tmp_path / "two", count=3, seed=1, size=Size(80, 96), split="val")
    own = load_run_data(recipe, tmp_path / "two")
    assert (len(own.train), len(own.validation or ())) == (4, 3)
    assert own.line == "validating on two val, so nothing is held out"


def test_a_data_set_in_memory(scenes: Path) -> None:
    """The same parts as from the path."""
    recipe = replace(tiny_recipe(quick()), holdout=0.3)
    one, two = load_run_data(recipe, scenes), load_run_data(recipe, load_dataset(scenes))
    assert [example.id for example in one.train] == [example.id for example in two.train]


def test_another_share_is_another_run(scenes: Path, tmp_path: Path) -> None:
    """A resumed run with another share against the line that names both."""
    recipe = replace(tiny_recipe(quick()), holdout=0.3)
    train(recipe, data=scenes, out=tmp_path)
    with pytest.raises(TrainingError, match=r"holdout was 0\.3, is 0\.6"):
        train(replace(recipe, holdout=0.6), data=scenes, out=tmp_path, resume=True)
    train(recipe, data=scenes, out=tmp_path, resume=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"holdout": 0.95}, r"holdout=0\.95 must be 0, or a share of at most 0\.9"),
        ({"holdout": -1.0}, r"holdout=-1 must be 0"),
        ({"holdout": 0.2, "validation_split": "val"}, "set one of them"),
    ],
)
def test_contradictions(scenes: Path, tmp_path: Path, fields: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        train(replace(tiny_recipe(quick()), **fields), data=scenes, out=tmp_path / "run")


def test_the_check_knows(scenes: Path) -> None:
    """Numbers of images in the text and the JSON against those of the run; classes on one side are named."""
    run = load_run_data(replace(tiny_recipe(quick()), holdout=0.3), scenes)
    result = check_dataset(scenes, holdout=0.3)
    assert result.to_json()["holdout"]["train"] == len(run.train)
    assert f"--holdout 0.3 trains on {len(run.train)} images" in check_text(result)
    one_sided = {problem.message.split()[1] for problem in result.problems if problem.kind == "one_sided_class"}
    shown = [{int(label) for example in part for label in example.labels} for part in (run.train, run.validation or ())]
    expected = {run.train.class_names[label] for label in shown[0] ^ shown[1]}
    assert one_sided == expected
