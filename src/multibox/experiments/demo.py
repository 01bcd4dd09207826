"""The whole system in a few minutes without any data: draw images, train, evaluate, detect and report."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.data.dataset import Dataset
from multibox.data.scenes.scenes import write_scenes
from multibox.detection.detector import Detector
from multibox.errors import InputError
from multibox.evaluation.evaluate import evaluate
from multibox.evaluation.evaluation import Evaluation
from multibox.experiments.folder import LAST
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.lite import lite320
from multibox.experiments.report import write_report
from multibox.experiments.train import train
from multibox.images.decode import read_image
from multibox.models.any_size import ssd_config
from multibox.size import Size
from multibox.training.loop import ignore
from multibox.training.metrics import read_metrics
from multibox.training.optimizer import RateRule, Schedule

TRAIN_IMAGES, TEST_IMAGES = 1000, 100
SHOWN_IMAGES = 8
SHOWN_SCORE = 0.4


def demo() -> Recipe:
    """The detector of animals in the package, trained for generated shapes at 224 x 224.

    multibox demo --out demo
    """
    model = ssd_config("efficientnet_lite0", Size(224, 224))
    recipe = lite320()
    return replace(
        recipe,
        name="demo",
        model=model,
        schedule=Schedule(200, rate=0.004, shape="cosine", warmup=20),
        optimizer=replace(
            recipe.optimizer,
            rates=(RateRule(model.base.first_layers, 0.0), RateRule(model.base.imagenet_layers, 0.3)),
        ),
        augmentation=AUGMENTATIONS["flip"],
        loop=replace(recipe.loop, ema=0.98, report_every=10, checkpoint_every=100),
        base_weights=None,
        start_weights="lite320-animals",
    )


@dataclass(frozen=True)
class DemoResult:
    """The files of the demo and the score of its detector."""

    report: Path
    weights: Path
    steps: int
    evaluation: Evaluation

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `multibox demo --json` prints them."""
        return {
            "weights": str(self.weights),
            "steps": self.steps,
            "score": round(self.evaluation.mean, 5),
            "report": str(self.report),
        }


def run_demo(
    out: Path | str,
    *,
    recipe: Recipe | None = None,
    train_count: int = TRAIN_IMAGES,
    test_count: int = TEST_IMAGES,
    on_report: Callable[[dict[str, Any]], object] = ignore,
    on_message: Callable[[str], object] = ignore,
) -> DemoResult:
    """Run the demo in the folder `out`, which must be empty or missing. The callbacks are those of `train`."""
    folder = Path(out)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty: choose another --out or remove it; nothing was changed")
    recipe = recipe or demo()
    started = time.monotonic()
    on_message(f"drawing {train_count + test_count} images into {folder / 'scenes'}")
    train_set = write_scenes(folder / "scenes", count=train_count, seed=recipe.seed, split="train")
    test_set = write_scenes(folder / "scenes", count=test_count, seed=recipe.seed, split="test")
    training = time.monotonic()
    schedule = f"{recipe.schedule.iterations} steps of {recipe.loop.batch_size}"
    model = train(recipe, data=train_set, out=folder / "run", on_report=on_report, on_message=on_message)
    trained = time.monotonic()
    detector = Detector(model)
    evaluation = evaluate(detector, test_set)
    write_report(
        folder / "report.html",
        title="multibox demo",
        history=[row for row in read_metrics(folder / "run") if "loss" in row],
        evaluation=evaluation,
        images=_drawn_detections(detector, test_set),
        facts={
            "Model": f"{recipe.model.name}, {recipe.model.priors.count} priors",
            "Training": f"{train_count} generated images, {schedule}",
            "Test": f"{test_count} other images of the same kind",
            "Time": f"{trained - training:.0f} s of training, {time.monotonic() - started:.0f} s in all",
            "Seed": str(recipe.seed),
        },
    )
    return DemoResult(folder / "report.html", folder / "run" / LAST, recipe.schedule.iterations, evaluation)


def _drawn_detections(detector: Detector, dataset: Dataset) -> list[tuple[str, UInt8[np.ndarray, "_ _ 3"]]]:
    """Return captions and images of the first examples, with the detections of a fair score."""
    shown = []
    for example in dataset.examples[:SHOWN_IMAGES]:
        image = read_image(example.image)
        detections = detector(image).above(SHOWN_SCORE)
        shown.append((f"{example.id}: {len(detections)} found, {len(example.labels)} there", detections.draw(image)))
    return shown
