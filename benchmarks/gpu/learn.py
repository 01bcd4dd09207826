"""Real training runs of the same wall-clock time for each network, and the AP of each on the test split.

The first argument is what is trained: "light160", "ssd300" (VGG16 with batch normalization) or "torchvision" (its
SSD300), all from random weights, with the same augmentation, in bfloat16.
"""

import json
import math
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.gpu import ours, peer
from benchmarks.gpu.setting import Setting, read_setting
from benchmarks.rows import Row
from multibox.data.augmentation.augmentation import find_augmentation
from multibox.data.dataset import Dataset
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.evaluation.evaluate import evaluate
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.light import light160
from multibox.experiments.train import train
from multibox.images.decode import read_image
from multibox.models.config import light_config, slim300_config, ssd300_config
from multibox.size import Size
from multibox.training.network import TrainingPrecision
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.prefetch import on_device
from multibox.training.run import LoopConfig

METRIC = "voc10"
MARGIN = 0.92  # of the time, because the speed of the probe is not exact


def light(setting: Setting) -> Recipe:
    """The recipe light160 in larger batches with a higher rate: on a GPU, steps cost time, and images hardly any."""
    recipe = light160()
    batch = 4 if setting.smoke else 64
    model = light_config(side=64, width=1 / 8) if setting.smoke else recipe.model
    return replace(
        recipe,
        model=model,
        schedule=replace(recipe.schedule, rate=0.003),
        loop=replace(recipe.loop, batch_size=batch, precision=_precision(setting)),
    )


def ssd300(setting: Setting) -> Recipe:
    """SSD300 with batch normalization from scratch: AdamW with a cosine, as the light recipes."""
    config = slim300_config(width=1 / 32) if setting.smoke else ours.with_std(ssd300_config(batch_norm=True))
    return Recipe(
        name="ssd300-scratch",
        model=config,
        schedule=Schedule(1, rate=0.001, shape="cosine", warmup=200),
        optimizer=OptimizerConfig(kind="adamw", weight_decay=0.05, clip=10.0),
        augmentation=find_augmentation("caffe"),
        loop=LoopConfig(batch_size=4 if setting.smoke else 32, precision=_precision(setting), ema=0.998),
    )


def _precision(setting: Setting) -> TrainingPrecision:
    """bfloat16; on processors oneDNN's gradients of narrow layers in it are not always finite."""
    return ours.FP32 if setting.smoke else ours.BF16


def learn(setting: Setting, recipe: Recipe) -> Row:
    """Train for the setting's time and evaluate; a short run first measures how many steps fit."""
    dataset = ours.animals(setting.data, "trainval")
    probe = _train(setting, recipe, dataset, iterations=2 if setting.smoke else 80, name="probe")
    speed = probe[-1]["images_per_second"]
    iterations = max(4, round(MARGIN * setting.seconds * speed / recipe.loop.batch_size))
    start = time.monotonic()
    rows = _train(setting, recipe, dataset, iterations=iterations, name="run")
    spent = time.monotonic() - start
    from multibox.weights.source import open_weights

    weights = setting.scratch / recipe.name / "run" / "last.safetensors"
    model, _ = open_weights(weights, device=setting.device)
    row = _summary(setting, rows, iterations, recipe.loop.batch_size, len(dataset), spent)
    return {**row, **score(Detector(model, batch_size=32), _test(setting))}


def _train(setting: Setting, recipe: Recipe, dataset: Dataset, *, iterations: int, name: str) -> list[dict[str, Any]]:
    """Rows of the run's metrics that have a speed."""
    every = max(1, iterations // 20) if name == "run" else max(1, iterations // 4)
    warmup = min(recipe.schedule.warmup, iterations // 10)
    changed = replace(
        recipe,
        schedule=replace(recipe.schedule, iterations=iterations, warmup=warmup),
        loop=replace(recipe.loop, report_every=every, checkpoint_every=0),
    )
    out = setting.scratch / recipe.name / name
    train(changed, data=dataset, out=out, workers=setting.workers, cache_mb=500, device=str(setting.device))
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if "images_per_second" in row]


def _summary(
    setting: Setting, rows: list[dict[str, Any]], iterations: int, batch: int, images: int, spent: float
) -> Row:
    return {
        "images_per_second": rows[len(rows) // 2]["images_per_second"],
        "iterations": iterations,
        "batch": batch,
        "epochs": round(iterations * batch / images, 1),
        "train_seconds": round(spent, 1),
        "first_loss": rows[0].get("loss"),
        "last_loss": rows[-1].get("loss"),
        "losses": [row.get("loss") for row in rows],
        "speeds": [row.get("images_per_second") for row in rows],
    }


def _test(setting: Setting) -> Dataset:
    dataset = ours.animals(setting.data, "test")
    return replace(dataset, examples=dataset.examples[:2]) if setting.smoke else dataset


def score(detector: Any, dataset: Dataset) -> Row:
    """The AP of a detector, or of detections by image id."""
    start = time.monotonic()
    found = evaluate(detector, dataset, metric=METRIC)
    seconds = round(time.monotonic() - start, 1)
    return {"metric": METRIC, "ap": round(float(found.mean), 4), "test_images": len(dataset), "test_seconds": seconds}


def learn_torchvision(setting: Setting) -> Row:
    """torchvision's SSD300 with the optimizer of its reference script, a warm-up and a cosine over the time."""
    dataset, config = ours.animals(setting.data, "trainval"), ssd300_config()
    device, size = setting.device, 2 if setting.smoke else 32
    model = peer.make_model(classes=len(dataset.class_names)).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.002, momentum=0.9, weight_decay=5e-4)
    batches = on_device(ours.stream(dataset, config, batch=size, workers=setting.workers), device)
    losses: list[torch.Tensor] = []
    next(batches)  # the workers have started
    start, steps = time.monotonic(), 0
    while (spent := time.monotonic() - start) < setting.seconds or steps < 2:
        optimizer.param_groups[0]["lr"] = _rate(spent / setting.seconds, steps)
        loss = _torchvision_step(model, optimizer, next(batches))
        if steps % 20 == 0:
            losses.append(loss.detach())
        steps += 1
    values = [round(float(loss), 4) for loss in losses]
    row: Row = {"images_per_second": round(size * steps / spent, 1), "iterations": steps, "batch": size}
    row |= {"epochs": round(size * steps / len(dataset), 1), "train_seconds": round(spent, 1)}
    row |= {"first_loss": values[0], "last_loss": values[-1], "losses": values}
    return {**row, **score(detect_all(model.eval(), _test(setting), device), _test(setting))}


def _rate(progress: float, step: int) -> float:
    return 0.002 * min(1.0, 0.1 + 0.9 * step / 200) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def _torchvision_step(model: Any, optimizer: torch.optim.Optimizer, batch: Any) -> torch.Tensor:
    given = peer.as_training(batch)
    optimizer.zero_grad()
    loss = peer.training_loss(model, given, dtype=torch.bfloat16)
    loss.backward()
    optimizer.step()
    return loss


@torch.inference_mode()
def detect_all(model: Any, dataset: Dataset, device: torch.device) -> dict[str, Detections]:
    """The peer's detections by image id."""
    found = {}
    for example in dataset:
        pixels = read_image(example.image)
        (rows,) = model(peer.as_images(pixels[None], device))
        boxes, scores, labels = (rows[key].float().cpu().numpy() for key in ("boxes", "scores", "labels"))
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        found[example.id] = Detections(
            boxes[inside].astype(np.float32),
            scores[inside].astype(np.float32),
            labels[inside].astype(np.int64) - 1,
            dataset.class_names,
            Size(*pixels.shape[:2]),
        )
    return found


def main() -> None:
    what = sys.argv.pop(1)
    setting = read_setting("learn")
    tasks = {
        "light160": lambda: learn(setting, light(setting)),
        "ssd300": lambda: learn(setting, ssd300(setting)),
        "torchvision": lambda: learn_torchvision(setting),
    }
    if what == "torchvision" and not peer.is_installed():
        setting.rows.add(what, {"error": "torchvision is not installed"})
        return
    setting.rows.measure(what, tasks[what])


if __name__ == "__main__":
    main()
