"""A training run that takes milliseconds a step: a tiny network and bright squares on a dark background."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from multibox.data.loading.batch import Batch
from multibox.loss import LossConfig
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import ModelConfig
from multibox.models.heads import Extra
from multibox.models.ssd import SSD
from multibox.priors import equation4_spec
from multibox.size import Size
from multibox.system.distributed import ALONE, Processes
from multibox.training.checkpoint import find_checkpoint
from multibox.training.loop import Hooks, fit, ignore
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.run import LoopConfig, Run

SIDE = 64


def tiny_config(*, batch_norm: bool = True) -> ModelConfig:
    priors = equation4_spec(Size(SIDE, SIDE), [Size(8, 8), Size(4, 4), Size(2, 2)], ratios=[(2.0,)] * 3)
    return ModelConfig(
        "tiny",
        VGG16Config(width=1 / 32, batch_norm=batch_norm),
        (Extra(8, 16),),
        priors,
        mean=(127.0,) * 3,
        std=(64.0,) * 3,
    )


def make_batch(number: int, *, size: int = 4) -> Batch:
    """Return bright squares on a dark background, the same for the same number."""
    rng = np.random.default_rng(number)
    images = rng.integers(0, 60, (size, 3, SIDE, SIDE), dtype=np.uint8)
    corner = rng.integers(4, 30, (size, 2))
    side = rng.integers(12, 30, size)
    for i in range(size):
        x, y = corner[i]
        images[i, :, y : y + side[i], x : x + side[i]] += 150
    boxes = np.concatenate([corner, corner + side[:, None]], axis=1)[:, None] / SIDE
    flags = torch.ones(size, 1, dtype=torch.bool)
    return Batch(
        torch.from_numpy(images),
        torch.from_numpy(boxes.astype(np.float32)),
        torch.zeros(size, 1, dtype=torch.int64),
        flags,
        ~flags,
        [f"image {number}.{i}" for i in range(size)],
    )


def stream(start: int = 0, *, stride: int = 1) -> Iterator[Batch]:
    number = start
    while True:
        yield make_batch(number)
        number += stride


def make_run(
    *,
    iterations: int,
    loop: LoopConfig,
    batch_norm: bool = True,
    rate: float = 0.02,
    processes: Processes = ALONE,
    optimizer: OptimizerConfig | None = None,
) -> Run:
    torch.manual_seed(0)
    return Run(
        SSD(tiny_config(batch_norm=batch_norm), ["square"]),
        loop=loop,
        optimizer=optimizer or OptimizerConfig(),
        schedule=Schedule(iterations, rate=rate, warmup=2),
        loss=LossConfig(),
        processes=processes,
    )


def train(
    run: Run,
    folder: Path,
    *,
    start: int = 0,
    batches: Iterator[Batch] | None = None,
    validate: Callable[[SSD], float] | None = None,
    on_report: Callable[[dict[str, Any]], object] = ignore,
    on_message: Callable[[str], object] = ignore,
) -> list[tuple[str, float | None]]:
    """Train, and return the names and scores of the weights that were kept."""
    kept: list[tuple[str, float | None]] = []

    def keep(model: SSD, name: str, score: float | None) -> None:
        kept.append((name, score))

    hooks = Hooks(keep, validate, on_report, on_message)
    fit(run, stream(start) if batches is None else batches, folder=folder, hooks=hooks)
    return kept


def restore(run: Run, folder: Path) -> None:
    state = find_checkpoint(folder).state
    assert state is not None
    run.restore(state)


LOOP = LoopConfig(batch_size=4, report_every=2, checkpoint_every=3, ema=0.9)
