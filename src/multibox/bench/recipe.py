"""The training step of a recipe, measured on a data set or on generated images."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from multibox.bench.train import bench_train
from multibox.data.augmentation.augmentation import AUGMENTATIONS, Augmentation
from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.data.loading.batch import Batch
from multibox.data.loading.loader import batches
from multibox.data.scenes.scenes import write_scenes
from multibox.errors import UsageError
from multibox.experiments.recipe import Recipe
from multibox.models.ssd import SSD
from multibox.size import Size
from multibox.system.device import choose_device
from multibox.system.process import keep_freed_memory, one_blas_thread
from multibox.system.progress import Progress
from multibox.training.run import Run

_IMAGES, _IMAGE_SIZE = 32, Size(375, 500)  # of the generated images


def bench_recipe(
    recipe: Recipe,
    *,
    data: Path | None = None,
    steps: int = 10,
    workers: int = 0,
    device: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The results of `bench_train` for a recipe, with a description; without `data` on generated images.

    If the recipe splits its batch into parts, a step is one part. The weights are random. Raises the errors of reading
    data, and UsageError for one image per step if batch normalization needs several.
    """
    target = choose_device(device)
    with TemporaryDirectory() as folder:
        if data is None:
            dataset = write_scenes(folder, count=_IMAGES, seed=recipe.seed, size=_IMAGE_SIZE, split="train")
        else:
            dataset = load_dataset(data, split=recipe.train_split, pixel_rule=recipe.pixel_rule)
        measured = _measure(recipe, dataset, steps=steps, workers=workers, device=target, progress=progress)
    return {
        "recipe": recipe.name,
        "model": recipe.model.name,
        "input_size": list(recipe.model.input_size),
        "priors": recipe.model.priors.count,
        "data": "generated images" if data is None else dataset.name,
        "augmentation": _name(recipe.augmentation),
        **measured,
    }


def _name(augmentation: Augmentation) -> str:
    return next((name for name, known in AUGMENTATIONS.items() if known == augmentation), "custom")


def _measure(
    recipe: Recipe, dataset: Dataset, *, steps: int, workers: int, device: torch.device, progress: Progress | None
) -> dict[str, Any]:
    keep_freed_memory()
    one_blas_thread()
    torch.manual_seed(recipe.seed)
    model = SSD(recipe.model, dataset.class_names)
    if recipe.loop.micro_batch == 1 and any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules()):
        raise UsageError(
            f"1 image a step is too few for the batch normalization of {recipe.model.name}: take 2 or more"
        )
    run = Run(
        model.to(device),
        loop=replace(recipe.loop, batch_size=recipe.loop.micro_batch, accumulate=1),
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        loss=recipe.loss,
    )

    def stream(processes: int) -> Iterator[Batch]:
        return batches(
            dataset,
            augmentation=recipe.augmentation,
            input_size=recipe.model.input_size,
            batch_size=recipe.loop.micro_batch,
            seed=recipe.seed,
            workers=processes,
            use_difficult=recipe.use_difficult,
        )

    return bench_train(run, stream, steps=steps, workers=workers, progress=progress)
