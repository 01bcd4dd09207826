"""Several processes that train a recipe together, and the commands under torchrun."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from multibox.cli import main
from multibox.data.scenes.scenes import write_scenes
from multibox.detection.detector import Detector
from multibox.detection.distributed import DistributedDetector
from multibox.errors import MultiboxError
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.quick import quick
from multibox.experiments.train import train
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig
from multibox.models.heads import Extra
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.system.distributed import joined
from multibox.training.metrics import read_metrics
from multibox.training.optimizer import Schedule
from tiny_detector import noise_image, tiny_model, write_image
from together import forks, together

pytestmark = forks


def recipe(*, iterations: int) -> Recipe:
    priors = equation4_spec(Size(64, 64), [Size(8, 8), Size(4, 4), Size(2, 2)], ratios=[(2.0,)] * 3)
    model = ModelConfig("tiny", VGG16Config(width=1 / 32), (Extra(8, 16),), priors, std=(58.0,) * 3)
    base = quick()
    loop = replace(
        base.loop,
        batch_size=4,
        report_every=1,
        checkpoint_every=2,
        validate_every=2,
        precision="fp32",
        compile=False,
    )
    loop = replace(loop, normalizer="global")
    return replace(
        base,
        model=model,
        loop=loop,
        schedule=Schedule(iterations, rate=0.01),
        train_split="train",
        validation_split="val",
    )


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=6, seed=0, size=Size(80, 96), split="train")
    write_scenes(folder, count=3, seed=0, size=Size(80, 96), split="val")
    return folder


def trained(chosen: Recipe, scenes: Path, out: Path, *, resume: bool = False) -> dict[str, Any]:
    model = train(chosen, data=scenes, out=out, resume=resume, accept_changes=resume, device="cpu")
    return {name: value.numpy() for name, value in model.state_dict().items()}


def without_speed(folder: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k != "images_per_second"} for row in read_metrics(folder)]


def test_two_processes_train_as_one(scenes: Path, tmp_path: Path):
    """Weights, files and metrics of two processes, also of a run in two pieces, against one process alone."""
    alone = trained(recipe(iterations=4), scenes, tmp_path / "alone")
    whole = together(lambda _: trained(recipe(iterations=4), scenes, tmp_path / "whole"))
    together(lambda _: trained(recipe(iterations=2), scenes, tmp_path / "pieces"))
    pieces = together(lambda _: trained(recipe(iterations=4), scenes, tmp_path / "pieces", resume=True))
    for values in whole:
        for name, value in alone.items():
            torch.testing.assert_close(torch.from_numpy(values[name]), torch.from_numpy(value), rtol=1e-4, atol=1e-6)
    for values in pieces:
        assert all((values[name] == value).all() for name, value in whole[0].items())
    assert without_speed(tmp_path / "pieces") == without_speed(tmp_path / "whole")
    assert [row["step"] for row in read_metrics(tmp_path / "whole")] == [1, 2, 2, 3, 4, 4]
    names = [{path.name for path in (tmp_path / run).iterdir()} for run in ("whole", "alone")]
    assert names[0] == names[1]


def test_a_folder_in_use_is_refused_by_all(scenes: Path, tmp_path: Path):
    """Errors of both processes against a folder that is not empty."""
    (tmp_path / "mine.txt").write_text("keep")
    errors = together(lambda _: trained(recipe(iterations=2), scenes, tmp_path))
    assert all(isinstance(error, MultiboxError) and "is not empty" in str(error) for error in errors)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("images", [1, 8, 13])
def test_detections_come_in_order_to_all(tmp_path: Path, images: int):
    """The detections in each of two processes, with one unreadable image, against those of a single detector."""
    paths = [write_image(tmp_path / f"{i}.png", noise_image(seed=i, width=60 + i)) for i in range(images)]
    paths[-1].write_bytes(b"junk")
    model = tiny_model()

    def found(detector: Any) -> list[Any]:
        results = detector.try_each(paths, batch_size=1)
        return [str(result) if isinstance(result, Exception) else result.to_json("") for result in results]

    def work(_rank: int) -> list[Any]:
        with joined() as processes:
            return found(DistributedDetector(Detector(model), processes))

    assert together(work) == [found(Detector(model))] * 2


def torchrun(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "multibox"]
    return subprocess.run(
        [*command, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_torchrun_prints_and_writes_once(scenes: Path, tmp_path: Path):
    """Training under torchrun against one closing line and one row of metrics."""
    settings = ("model.base.width=0.03125", "schedule.iterations=1", "loop.batch_size=4", "loop.precision=fp32")
    words = ("train", "quick", "--data", scenes, "--split", "train", "--device", "cpu", "--out")
    done = torchrun(*words, tmp_path / "run", *(f"--set={setting}" for setting in settings))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the weights are in") == 1
    assert len(read_metrics(tmp_path / "run")) == 1


def test_the_first_reports_a_common_error(scenes: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """Two processes with the same error: the first reports it as usual, the other with its rank."""
    words = ["train", "quick", "--data", scenes, "--out", tmp_path / "run", "--set", "loop.batch_size=3"]
    assert together(lambda _: main([*map(str, words), "--device", "cpu"])) == [2, 2]
    mistake = "loop.batch_size=3 cannot be split into 1 parts (loop.accumulate) for 2 processes: choose a multiple of 2"
    lines = capfd.readouterr().err.splitlines()
    assert lines == [f"multibox: {mistake}", f"multibox: process 1 of 2: {mistake}"]
    assert not (tmp_path / "run").exists()


def test_batch_normalization_needs_several_images(scenes: Path, tmp_path: Path):
    """One image for each process and a map of 1 x 1 against an error that names the next step."""
    chosen = replace(quick(), loop=replace(quick().loop, batch_size=2), train_split="train")
    for error in together(lambda _: trained(chosen, scenes, tmp_path / "run")):
        assert "loop.batch_size=2 leaves one image" in str(error)
