"""Training as one story: batch, loss, step, report, checkpoint."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from multibox.data.loader import Batch
from multibox.device import computes_bfloat16
from multibox.errors import TrainingError
from multibox.loss import LossConfig, MultiBoxLoss, multibox_loss
from multibox.models.ssd import SSD
from multibox.training.checkpoint import load_checkpoint, save_checkpoint
from multibox.training.ema import MovingAverage
from multibox.training.optimizer import OptimizerConfig, Schedule, make_optimizer, set_rate
from multibox.training.progress import Averages, ProgressLine, append_metrics, keep_metrics_until


@dataclass(frozen=True)
class LoopConfig:
    """How a run goes on, apart from what it learns.

    `batch_size` pictures make one step; `accumulate` splits them into that many parts whose gradients are averaged, as
    `iter_size` does in Caffe. `precision` "auto" is bfloat16 where the device has instructions for it. `ema` is the
    decay of the weights' moving average, 0 for none. The `_every` are in steps.
    """

    batch_size: int = 32
    accumulate: int = 1
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    ema: float = 0.0
    report_every: int = 10
    checkpoint_every: int = 500
    validate_every: int = 0

    @property
    def part(self) -> int:
        """Pictures in memory at once."""
        return self.batch_size // self.accumulate


class Run:
    """What a checkpoint holds: the model, its average, the optimiser, the step and the best score so far."""

    def __init__(
        self, model: SSD, *, loop: LoopConfig, optimizer: OptimizerConfig, schedule: Schedule, loss: LossConfig
    ) -> None:
        self.model = model
        self.loop, self.schedule, self.loss, self.optimizer_config = loop, schedule, loss, optimizer
        self.optimizer = make_optimizer(model, optimizer)
        self.average = MovingAverage(model, decay=loop.ema) if loop.ema else None
        self.autocast = loop.precision == "bfloat16" or (
            loop.precision == "auto" and computes_bfloat16(model.mean.device)
        )
        self.step = 0
        self.best = -1.0

    @property
    def result(self) -> SSD:
        """The model to keep: the average where there is one."""
        return self.average.model if self.average else self.model

    def save(self, folder: Path) -> None:
        state = {
            "step": self.step,
            "best": self.best,
            "mean": self.model.config.mean,
            "std": self.model.config.std,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.model.state_dict() if self.average else None,
        }
        save_checkpoint(folder, state)

    def load(self, folder: Path) -> None:
        """Go back to the folder's checkpoint; metrics written after it are forgotten."""
        state: dict[str, Any] = load_checkpoint(folder)
        self.step, self.best = state["step"], state["best"]
        for model in (self.model, self.result):
            model.normalise_with(mean=state["mean"], std=state["std"])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            self.average.model.load_state_dict(state["average"])
        keep_metrics_until(folder, self.step)


def fit(
    run: Run,
    batches: Iterator[Batch],
    *,
    folder: Path,
    validate: Callable[[SSD], float] | None = None,
    keep: Callable[[SSD, str, float | None], None],
    progress: ProgressLine,
) -> None:
    """Train until the schedule ends; `batches` starts at part number `run.step * accumulate`.

    `validate` scores a model every `validate_every` steps and at the end; `keep(model, name, score)` stores it: "last"
    at each checkpoint and as "best" when its score is the best so far. Raises TrainingError where the loss is not
    finite; the last good checkpoint and weights stay as they are.
    """
    device = next(run.model.parameters()).device
    run.model.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averages, since = Averages(), time.monotonic()
    while run.step < run.schedule.iterations:
        set_rate(run.optimizer, run.schedule.at(run.step))
        names = _accumulate(run, batches, averages, device)
        _take_step(run, names, folder)
        done = run.step == run.schedule.iterations
        if run.step % run.loop.report_every == 0 or done:
            row = averages.report(seconds=time.monotonic() - since)
            append_metrics(folder, {"step": run.step, "rate": run.schedule.at(run.step - 1), **row})
            progress.show(run.step, row, batch_size=run.loop.batch_size)
            averages, since = Averages(), time.monotonic()
        if validate and (done or (run.loop.validate_every and run.step % run.loop.validate_every == 0)):
            _validate(run, validate, keep, folder, progress)
            since = time.monotonic()
        if done or run.step % run.loop.checkpoint_every == 0:
            run.save(folder)
            keep(run.result, "last", None)
    progress.close()


def _accumulate(run: Run, batches: Iterator[Batch], averages: Averages, device: torch.device) -> list[str]:
    """Sum the gradients of one step's parts; returns the pictures' names."""
    run.optimizer.zero_grad(set_to_none=True)
    names: list[str] = []
    for _ in range(run.loop.accumulate):
        batch = next(batches)
        names += batch.names
        loss = _loss(run, batch.to(device, non_blocking=True))
        _check_finite(loss, run.step, batch.names)
        (loss.total / run.loop.accumulate).backward()
        averages.total = averages.total + loss.total.detach() / run.loop.accumulate
        averages.location = averages.location + loss.location.detach() / run.loop.accumulate
        averages.confidence = averages.confidence + loss.confidence.detach() / run.loop.accumulate
        averages.positives = averages.positives + loss.positives
    averages.steps += 1
    averages.pictures += run.loop.batch_size
    return names


def _loss(run: Run, batch: Batch) -> MultiBoxLoss:
    with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=run.autocast):
        offsets, logits = run.model(batch.images)
    return multibox_loss(
        offsets, logits, batch.boxes, batch.labels, batch.valid, coder=run.model.coder, config=run.loss
    )


def _check_finite(loss: MultiBoxLoss, step: int, names: list[str]) -> None:
    if not torch.isfinite(loss.total):
        raise TrainingError(
            f"the loss of step {step} is {loss.total.item()} for the pictures {', '.join(names)}: lower the rate "
            "(--set schedule.rate=...), add warm-up or look at these pictures; the last checkpoint is kept"
        )


def _take_step(run: Run, names: list[str], folder: Path) -> None:
    limit = run.optimizer_config.clip or float("inf")
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), limit)
    if not torch.isfinite(norm):
        raise TrainingError(
            f"the gradient of step {run.step} is not finite for the pictures {', '.join(names)}: lower the rate "
            f"(--set schedule.rate=...) or add warm-up; the last checkpoint in {folder} is kept"
        )
    run.optimizer.step()
    if run.average:
        run.average.update(run.model, step=run.step)
    run.step += 1


def _validate(
    run: Run,
    validate: Callable[[SSD], float],
    keep: Callable[[SSD, str, float | None], None],
    folder: Path,
    progress: ProgressLine,
) -> None:
    score = validate(run.result)
    run.model.train()
    append_metrics(folder, {"step": run.step, "score": round(score, 5)})
    progress.say(f"step {run.step}: score {score:.4f}" + (" (best so far)" if score > run.best else ""))
    if score > run.best:
        run.best = score
        keep(run.result, "best", score)
