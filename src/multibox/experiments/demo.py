"""The whole system in a few minutes, without any data: draw images, train, evaluate, detect, report."""

import sys
import time
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.data.dataset import Dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.detection.detector import Detector
from multibox.errors import InputError
from multibox.evaluation.evaluate import Evaluation, evaluate
from multibox.experiments.recipe import Recipe
from multibox.experiments.report import write_report
from multibox.experiments.train import train
from multibox.images.decode import read_image
from multibox.models.config import slim224_config
from multibox.training.loop import LoopConfig
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.progress import read_metrics

TRAIN, TEST = 1500, 100
SHOWN = 8
SHOWN_SCORE = 0.4


def demo() -> Recipe:
    """A slim SSD at 224 x 224 on generated shapes: above 0.7 AP at IoU 0.5 within five minutes on two cores.

    multibox demo --out demo
    """
    return Recipe(
        name="demo",
        model=slim224_config(),
        schedule=Schedule(700, rate=0.012, shape="cosine", warmup=50),
        optimizer=OptimizerConfig(clip=10.0),
        augmentation=AUGMENTATIONS["flip"],
        loop=LoopConfig(batch_size=16, precision="auto", ema=0.99, report_every=10, checkpoint_every=350),
    )


def run_demo(
    out: Path | str, *, recipe: Recipe | None = None, train_count: int = TRAIN, test_count: int = TEST
) -> Path:
    """Run the demo into the folder `out` and return the path of its report, one HTML file."""
    folder = Path(out)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: choose another --out or remove it; nothing was changed")
    recipe = recipe or demo()
    started = time.monotonic()
    _say(f"drawing {train_count + test_count} images into {folder / 'scenes'}")
    learned = write_scenes(folder / "scenes", count=train_count, seed=recipe.seed, split="train")
    held_out = write_scenes(folder / "scenes", count=test_count, seed=recipe.seed, split="test")
    training = time.monotonic()
    model = train(recipe, data=learned, out=folder / "run")
    trained = time.monotonic()
    detector = Detector(model, precision="float32")
    evaluation = evaluate(detector, held_out)
    print(evaluation.table())
    facts = {
        "Model": f"{recipe.model.name}, {recipe.model.priors.count} priors",
        "Training": f"{train_count} generated images, {recipe.schedule.iterations} steps of {recipe.loop.batch_size}",
        "Test": f"{test_count} other images of the same kind",
        "Time": f"{trained - training:.0f} s of training, {time.monotonic() - started:.0f} s in all",
        "Seed": str(recipe.seed),
    }
    report = folder / "report.html"
    _report(report, folder, evaluation, images=_images(detector, held_out), facts=facts)
    _say(f"the report is {report}, the weights are {folder / 'run' / 'last.safetensors'}")
    return report


def _report(
    path: Path,
    folder: Path,
    evaluation: Evaluation,
    *,
    images: list[tuple[str, UInt8[np.ndarray, "_ _ 3"]]],
    facts: dict[str, str],
) -> None:
    write_report(
        path,
        title="multibox demo",
        history=[row for row in read_metrics(folder / "run") if "loss" in row],
        evaluation=evaluation,
        images=images,
        facts=facts,
    )


def _images(detector: Detector, dataset: Dataset) -> list[tuple[str, UInt8[np.ndarray, "_ _ 3"]]]:
    """The first images of a data set with what the detector is fairly sure of."""
    shown = []
    for example in dataset.examples[:SHOWN]:
        image = read_image(example.image)
        found = detector(image).above(SHOWN_SCORE)
        shown.append((f"{example.id}: {len(found)} found, {len(example.labels)} there", found.draw(image)))
    return shown


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
