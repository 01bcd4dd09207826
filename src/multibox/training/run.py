"""The state of a training run: everything that a checkpoint holds."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from multibox.errors import UsageError
from multibox.loss import LossConfig
from multibox.models.ssd import SSD
from multibox.system.distributed import ALONE, Processes
from multibox.training.averages import Averages
from multibox.training.checkpoint import save_checkpoint
from multibox.training.ema import MovingAverage
from multibox.training.finite import FiniteWatch, Statistics, make_skippable
from multibox.training.metrics import read_metrics
from multibox.training.network import TrainingPrecision, computing_type
from multibox.training.optimizer import OptimizerConfig, Schedule, load_moments, make_optimizer


@dataclass(frozen=True)
class LoopConfig:
    """How a run proceeds, apart from what it learns.

    `batch_size` images make one step. `accumulate` splits them into that many micro-batches and averages their
    gradients, like `iter_size` in Caffe. The processes of a run split them further. With `normalizer` "process", each
    process divides the loss of each micro-batch by the matches of its own images, as the official code does. With
    "global", all divide by the matches of the whole step. `precision` "auto" is bfloat16 on devices that have
    instructions for it; "fp16" scales the loss and needs a CUDA device. `compile` compiles the network in the first
    step. `ema` is the decay of the moving average of the weights, 0 for none. The `_every` fields count steps. A run
    ends early after `patience` validations without a better score, 0 for never. `non_finite` tells what a step does
    whose loss or gradient is not finite: end the run ("stop"), or change nothing and be counted ("skip"). Batch
    normalization layers whose name matches the regular expression `fixed_statistics` keep their running statistics and
    normalize with them, also in training.
    """

    batch_size: int = 32
    accumulate: int = 1
    normalizer: Literal["process", "global"] = "process"
    precision: TrainingPrecision = "fp32"
    compile: bool = False
    ema: float = 0.0
    report_every: int = 10
    checkpoint_every: int = 500
    validate_every: int = 0
    patience: int = 0
    non_finite: Literal["stop", "skip"] = "stop"
    fixed_statistics: str | None = None

    @property
    def micro_batch(self) -> int:
        """Images that all processes together hold in memory at one time."""
        return self.batch_size // self.accumulate

    def share(self, count: int) -> int:
        """Images of a micro-batch for each of `count` processes; UsageError if they cannot be split evenly."""
        if self.batch_size % (self.accumulate * count):
            raise UsageError(
                f"loop.batch_size={self.batch_size} cannot be split into {self.accumulate} parts (loop.accumulate) for "
                f"{count} process{'es' if count > 1 else ''}: choose a multiple of {self.accumulate * count}"
            )
        return self.micro_batch // count


class Run:
    """The model, its moving average, the optimizer, the step number, the best score and the other state of a run.

    `stale` counts the validations since the best score. `facts` are plain values about the run that its checkpoints
    hold.
    """

    def __init__(
        self,
        model: SSD,
        *,
        loop: LoopConfig,
        optimizer: OptimizerConfig,
        schedule: Schedule,
        loss: LossConfig,
        processes: Processes = ALONE,
    ) -> None:
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.processes = processes
        self.loop, self.schedule, self.loss, self.optimizer_config = loop, schedule, loss, optimizer
        self.optimizer = make_optimizer(model, optimizer)
        self.average = MovingAverage(model, decay=loop.ema) if loop.ema else None
        self.precision = computing_type(loop.precision, model.mean.device)
        self.scaler = torch.amp.GradScaler(model.mean.device.type) if self.precision == torch.float16 else None
        self.step = 0
        self.best = -1.0
        self.stale = 0
        self.averages = Averages()
        self.watch = FiniteWatch(loop.non_finite, scaled=self.scaler is not None)
        self.statistics = Statistics(model)
        self.facts: dict[str, Any] = {}
        if self.can_skip:
            make_skippable(self.optimizer)

    def start_training(self) -> None:
        """Put the model into training mode, except for batch normalization with fixed statistics."""
        self.model.train()
        if self.loop.fixed_statistics is None:
            return
        for name, module in self.model.named_modules():
            if isinstance(module, nn.BatchNorm2d) and re.search(self.loop.fixed_statistics, name):
                module.eval()

    @property
    def done(self) -> bool:
        """Whether the schedule or the patience has come to its end."""
        return self.step >= self.schedule.iterations or self.gave_up

    @property
    def gave_up(self) -> bool:
        """Whether `loop.patience` validations in a row gave no better score."""
        return 0 < self.loop.patience <= self.stale

    @property
    def can_skip(self) -> bool:
        """Whether a step that is not finite changes nothing: by the rule, or while the scale of fp16 is too large."""
        return self.loop.non_finite == "skip" or self.scaler is not None

    @property
    def result(self) -> SSD:
        """The model to keep: the moving average if there is one."""
        return self.average.model if self.average else self.model

    @property
    def size(self) -> int:
        """Bytes of a checkpoint and a weight file: the values twice, the moving average and the momenta."""
        values = sum(value.nbytes for value in self.model.state_dict().values())
        moments = sum(parameter.nbytes for parameter in self.model.parameters() if parameter.requires_grad)
        return (3 if self.average else 2) * values + moments

    def due(self, every: int) -> bool:
        """Whether something that happens `every` so many steps, and after the last one, happens after this step."""
        return self.step == self.schedule.iterations or (every > 0 and self.step % every == 0)

    def save(self, folder: Path) -> None:
        """Write a checkpoint."""
        state = {
            "step": self.step,
            "best": self.best,
            "stale": self.stale,
            "skipped": self.watch.skipped,
            "in_a_row": self.watch.in_a_row,
            "averages": self.averages.state(),
            "metrics": json.dumps(read_metrics(folder)),
            "facts": self.facts,
            "mean": self.model.config.mean,
            "std": self.model.config.std,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.model.state_dict() if self.average else None,
            "scaler": self.scaler.state_dict() if self.scaler else None,
        }
        save_checkpoint(folder, state)

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what `save` wrote; version 0.1.0 wrote less. The optimizer keeps the settings it has now."""
        self.step, self.best, self.stale = state["step"], state["best"], state.get("stale", 0)
        self.watch.skipped, self.watch.in_a_row = state.get("skipped", 0), state.get("in_a_row", 0)
        self.averages = Averages.restored(state["averages"]) if "averages" in state else Averages()
        for model in (self.model, self.result):
            model.normalize_with(mean=state["mean"], std=state["std"])
        self.model.load_state_dict(state["model"])
        load_moments(self.optimizer, state["optimizer"])
        if self.average:
            self.average.model.load_state_dict(state["average"] or state["model"])
        if self.scaler and state.get("scaler"):
            self.scaler.load_state_dict(state["scaler"])
