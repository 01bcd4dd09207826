"""`--set model.base=NAME` and `--set model.size=SIZE`."""

from dataclasses import replace
from pathlib import Path

import pytest

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
