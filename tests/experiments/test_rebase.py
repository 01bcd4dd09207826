"""`--set model.base=NAME` and `--set model.size=SIZE`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.bases.torchvision_values import values
from multibox.data.scenes.scenes import write_scenes
from multibox.errors import MultiboxError, UsageError
from multibox.experiments.recipe import override
from multibox.experiments.recipes import find_recipe
from multibox.experiments.train import train
from multibox.models.any_size import ssd, ssd_config
from multibox.models.bases.known import NAMED
from multibox.size import Size
from multibox.training.metrics import read_metrics
from multibox.weights.file import load_weights, save_weights
from multibox.weights.origins.recognize import import_weights
from weights.origins.pytorch_ssd.recorded import FILE

TRAINED = (
    "vgg16_bn",
    "mobilenet_v3_large",
    "efficientnet_lite0",
    "mobilenet_v2",
    "mobilenet_v1",
    "resnet18",
    "resnet50",
)
"""One of each kind."""


def test_the_weights_and_patterns_follow_the_base() -> None:
    """lite320 on ResNet-50: its model, its weights, and the same rules for the layers of the new base."""
    recipe = override(find_recipe("lite320"), ["model.base=resnet50", "model.size=240x320", "loop.batch_size=8"])
    assert recipe.model == ssd_config("resnet50", (240, 320))
    assert recipe.base_weights == "resnet50-torchvision"
    base = NAMED["resnet50"]
    assert [tuple(rule) for rule in recipe.optimizer.rates] == [(base.first_layers, 0.0), (base.imagenet_layers, 0.1)]
    assert recipe.loop.fixed_statistics == base.imagenet_layers
    assert recipe.loop.batch_size == 8


def test_a_recipe_from_scratch_stays_one() -> None:
    """`quick` has no ImageNet weights before or after; another size alone keeps the base."""
    assert override(find_recipe("quick"), ["model.base=mobilenet_v2"]).base_weights is None
    smaller = override(find_recipe("lite320"), ["model.size=224"])
    assert smaller == replace(find_recipe("lite320"), model=ssd_config(find_recipe("lite320").model.base, 224))


def test_the_same_base_and_size_change_nothing() -> None:
    """lite320's own base and size against the recipe itself."""
    assert override(find_recipe("lite320"), ["model.base=efficientnet_lite0", "model.size=320"]) == find_recipe(
        "lite320"
    )


def test_later_settings_refine_the_new_model() -> None:
    """A field of the new base, and fields of a base in JSON, against the config."""
    recipe = override(find_recipe("quick"), ["model.base=mobilenet_v2", "model.clip=true"])
    assert recipe.model.clip
    with pytest.raises(UsageError, match=r"no such model can be built, because extras has 4 layers"):
        override(find_recipe("quick"), ['model.base={"kind": "mobilenet_v2"}'])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["model.base=resnet20"], "base network 'resnet20' is not known: choose one of vgg16"),
        (["model.size=big"], "size 'big' is no size"),
        (["model.base=resnet50", "model.size=16"], "size 16 x 16 does not fit resnet50"),
        (["model="], "--set model= names nothing: give a weight file"),
        (["model=x.safetensors"], r"weight file x\.safetensors does not exist"),
        (["model=lite320-animal"], "neither a file nor the name of published weights: did you mean lite320-animals"),
        (["model=a.pth", "model.size=64"], r"--set model=a\.pth brings its base and size"),
        (["model.base=resnet_light"], "lite320 starts from ImageNet weights, and none are known for the base resnet_"),
    ],
)
def test_what_does_not_fit(settings: list[str], message: str) -> None:
    """Wrong names and sizes against one line."""
    with pytest.raises(MultiboxError, match=message):
        override(find_recipe("lite320"), settings)


def test_a_detector_to_start_from(tmp_path: Path) -> None:
    """The model of a weight file and its weights; ImageNet weights no longer count."""
    model = ssd(("a", "b"), base="mobilenet_v1", size=96)
    file = tmp_path / "start.safetensors"
    save_weights(file, model)
    recipe = override(find_recipe("lite320"), [f"model={file}", "schedule.iterations=5"])
    assert recipe.model == model.config
    assert (recipe.start_weights, recipe.base_weights) == (str(file), None)
    assert recipe.loop.fixed_statistics == model.config.base.imagenet_layers
    assert recipe.schedule.iterations == 5


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=4, seed=0, size=Size(80, 96), split="train")
    return folder


@pytest.mark.parametrize("base", TRAINED)
def test_steps_of_training(scenes: Path, base: str, tmp_path: Path) -> None:
    """Two steps of lite320 on each base, from random values: finite losses, and a weight file that loads."""
    settings = [f"model.base={base}", "model.size=64", "base_weights=null", "schedule.iterations=2"]
    settings += ["loop.batch_size=2", "loop.fixed_statistics=null", "loop.ema=0", "loop.report_every=1"]
    train(override(find_recipe("lite320"), settings), data=scenes, out=tmp_path, device="cpu")
    assert all(row["loss"] > 0 for row in read_metrics(tmp_path) if "loss" in row)
    model, _ = load_weights(tmp_path / "last.safetensors")
    assert model.config == ssd_config(base, 64)


def test_training_from_a_checkpoint_of_jetson_inference(scenes: Path, tmp_path: Path) -> None:
    """mb1-ssd as jetson-inference saves it, with its labels: one step on other classes; shared ones keep their rows."""
    shapes = {name: tuple(shape) for name, *shape in json.loads(FILE.read_text())["mb1-ssd"]["tensors"]}
    torch.save(values(shapes), tmp_path / "mb1-ssd-Epoch-1-Loss-3.0.pth")
    (tmp_path / "labels.txt").write_text("BACKGROUND\ndisc\nApple\nstar\n")
    start = f"model={tmp_path / 'mb1-ssd-Epoch-1-Loss-3.0.pth'}"
    settings = [start, "schedule.iterations=1", "schedule.rate=0", "loop.batch_size=2", "loop.ema=0"]
    train(override(find_recipe("quick"), settings), data=scenes, out=tmp_path / "run", device="cpu")
    before = import_weights(tmp_path / "mb1-ssd-Epoch-1-Loss-3.0.pth")
    after, _ = load_weights(tmp_path / "run" / "last.safetensors")
    assert before.class_names == ("disc", "Apple", "star")
    rows = [model.heads.confidence[0].bias.unflatten(0, (6, -1)) for model in (before, after)]
    for name in ("disc", "star"):
        places = [1 + model.class_names.index(name) for model in (before, after)]
        assert torch.equal(rows[0][:, places[0]], rows[1][:, places[1]])
