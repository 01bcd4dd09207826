"""Training as one story: batch, loss, step, report, checkpoint."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from multibox.data.loading.loader import Batch
from multibox.errors import UsageError
from multibox.loss import LossConfig, MultiBoxLoss, at_least_one, multibox_loss
from multibox.models.ssd import SSD
from multibox.system.distributed import ALONE, Agreement, Processes, without_averaging
from multibox.training.checkpoint import save_checkpoint
from multibox.training.ema import MovingAverage
from multibox.training.finite import FiniteWatch, Statistics, check_finite, leave_out_unless, make_skippable
from multibox.training.network import training_network
from multibox.training.optimizer import OptimizerConfig, Schedule, clip_gradient, load_moments, make_optimizer, set_rate
from multibox.training.precision import computing_in, computing_type
from multibox.training.prefetch import on_device
from multibox.training.progress import Averages, ProgressLine, Sums, append_metrics, read_metrics
from multibox.training.stopping import Stopped, StopRequest


@dataclass(frozen=True)
class LoopConfig:
    """How a run goes on, apart from what it learns.

    `batch_size` images make one step; `accumulate` splits them into that many parts whose gradients are averaged, as
    `iter_size` does in Caffe; so do the processes of a run with their shares. `normalizer`: each "process" divides its
    loss by the matches of its own images, as the official code does, or all by those of the "global" part.
    `precision` "auto" is bfloat16 where the device has instructions for it; "float16" scales the loss and needs a CUDA
    device. `compile` has the network compiled in the first step. `ema` is the decay of the weights' moving average, 0
    for none. The `_every` are in steps. A run ends early after `patience` validations without a better score, 0 for
    never. `non_finite`: a step whose loss or gradient is not finite ends the run ("stop"), or changes nothing and is
    counted ("skip").
    """

    batch_size: int = 32
    accumulate: int = 1
    normalizer: Literal["process", "global"] = "process"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    compile: bool = False
    ema: float = 0.0
    report_every: int = 10
    checkpoint_every: int = 500
    validate_every: int = 0
    patience: int = 0
    non_finite: Literal["stop", "skip"] = "stop"

    @property
    def part(self) -> int:
        """Images in memory at once."""
        return self.batch_size // self.accumulate

    def share(self, count: int) -> int:
        """Images of a part for each of `count` processes; UsageError where they cannot be dealt out evenly."""
        if self.batch_size % (self.accumulate * count):
            raise UsageError(
                f"loop.batch_size={self.batch_size} cannot be split into {self.accumulate} parts (loop.accumulate) for "
                f"{count} process{'es' if count > 1 else ''}: choose a multiple of {self.accumulate * count}"
            )
        return self.part // count


class Run:
    """What a checkpoint holds: the model, its average, the optimizer, the step, the best score so far and its like.

    `stale` counts the validations since the best. `facts` are plain values about the run that its checkpoints carry.
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
        if self.leaves_out:
            make_skippable(self.optimizer)

    @property
    def done(self) -> bool:
        """Whether the schedule, or the patience, has come to its end."""
        return self.step >= self.schedule.iterations or self.gave_up

    @property
    def gave_up(self) -> bool:
        """Whether the score has not risen for as many validations as the run has patience."""
        return 0 < self.loop.patience <= self.stale

    @property
    def leaves_out(self) -> bool:
        """Whether a step that is not finite changes nothing: as a rule, or while the scale of float16 is too large."""
        return self.loop.non_finite == "skip" or self.scaler is not None

    @property
    def result(self) -> SSD:
        """The model to keep: the average where there is one."""
        return self.average.model if self.average else self.model

    @property
    def size(self) -> int:
        """Bytes that a checkpoint and a weight file take: values twice, an average, momenta."""
        values = sum(value.nbytes for value in self.model.state_dict().values())
        moments = sum(parameter.nbytes for parameter in self.model.parameters() if parameter.requires_grad)
        return (3 if self.average else 2) * values + moments

    def save(self, folder: Path) -> None:
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
        """Go back to what `save` wrote; version 0.1.0 wrote less. The optimizer keeps the settings it has now."""
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
    at each checkpoint and as "best" when its score is the best so far. SIGINT or SIGTERM let the step end, write a
    checkpoint and raise Stopped. Raises TrainingError where the loss, a gradient or a weight is not finite; the last
    good checkpoint and weights stay as they are. Of several processes each has its share of the parts in `batches`,
    and `validate` and `keep` are called in all.
    """
    run.model.train()
    network = training_network(run.model, compile=run.loop.compile, processes=run.processes)
    batches = on_device(batches, run.model.mean.device)
    agreement, number = Agreement(run.processes), 0
    with StopRequest() as stop:
        while not run.done and not number:
            set_rate(run.optimizer, run.schedule.at(run.step))
            take_step(run, *_accumulate(run, network, batches))
            number = agreement.largest(stop.number)
            if _due(run, run.loop.report_every) or run.watch.full:
                _look(run, progress)
            if _due(run, run.loop.report_every):
                _report(run, folder, progress)
            if validate and _due(run, run.loop.validate_every):
                _validate(run, validate, keep, folder, progress)
            if _due(run, run.loop.checkpoint_every) or run.done or number:
                _checkpoint(run, keep, folder, progress)
    progress.close()
    if number and not run.done:
        raise Stopped(step=run.step, number=number)


def _due(run: Run, every: int) -> bool:
    return run.step == run.schedule.iterations or (every > 0 and run.step % every == 0)


def _accumulate(run: Run, network: nn.Module, batches: Iterator[Batch]) -> tuple[list[str], Sums]:
    """Sum the gradients of one step's parts; returns the images' names and the means of the losses."""
    run.optimizer.zero_grad(set_to_none=True)
    if run.leaves_out:
        run.statistics.remember()
    names: list[str] = []
    sums = Sums.zero(run.model.mean.device)
    for part in range(run.loop.accumulate):
        batch = next(batches)
        names += batch.names
        last = part == run.loop.accumulate - 1
        with nullcontext() if last else without_averaging(network):
            loss = _loss(run, network, batch)
            _scaled(run, loss.total / run.loop.accumulate).backward()
        sums = sums.plus(loss, parts=run.loop.accumulate)
    return names, sums.over(run.processes)


def _loss(run: Run, network: nn.Module, batch: Batch) -> MultiBoxLoss:
    with computing_in(run.precision, batch.images.device):
        offsets, logits = network(batch.images)
    return multibox_loss(
        offsets,
        logits,
        batch.boxes,
        batch.labels,
        batch.valid,
        coder=run.model.coder,
        config=run.loss,
        normalizer=run.processes.normalizer_of_all if run.loop.normalizer == "global" else at_least_one,
    )


def _scaled(run: Run, loss: Tensor) -> Tensor:
    return run.scaler.scale(loss) if run.scaler else loss


def take_step(run: Run, names: list[str], sums: Sums) -> None:
    """Change the weights, unless the step is one to leave out: that is decided on the device."""
    if run.scaler:
        run.scaler.unscale_(run.optimizer)
    norm = clip_gradient(run.model.parameters(), limit=run.optimizer_config.clip)
    finite = run.watch.note(run.step, names, loss=sums.total, norm=norm)
    if run.leaves_out:
        leave_out_unless(run.optimizer, finite)
        run.statistics.undo_unless(finite)
    run.optimizer.step()
    if run.scaler:
        run.scaler.update()
    if run.average:
        run.average.update(run.model, step=run.step)
    run.averages.add(sums, finite, images=run.loop.batch_size)
    run.step += 1


def _look(run: Run, progress: ProgressLine) -> None:
    """See whether the last steps were finite; TrainingError where the run cannot go on."""
    for line in run.watch.look(run.processes):
        progress.say(line)


def _report(run: Run, folder: Path, progress: ProgressLine) -> None:
    row = run.averages.report()
    skipped = {"skipped": run.watch.skipped} if run.watch.skipped else {}
    if run.processes.first:
        append_metrics(folder, {"step": run.step, "rate": run.schedule.at(run.step - 1), **row, **skipped})
    if "loss" in row:
        progress.show(run.step, row, batch_size=run.loop.batch_size)
    run.averages = Averages()


def _checkpoint(run: Run, keep: Callable[[SSD, str, float | None], None], folder: Path, progress: ProgressLine) -> None:
    """Weights first: a run that dies in between writes the same ones again when it goes on from the checkpoint."""
    _look(run, progress)
    _agree(run)
    check_finite(run.model, step=run.step)
    check_finite(run.result, step=run.step)
    keep(run.result, "last", None)
    if run.processes.first:
        run.save(folder)


def _agree(run: Run) -> None:
    """Running statistics are the only values in which processes differ: from here on they have the first one's."""
    run.processes.share_buffers(run.model)
    run.processes.share_buffers(run.result)


def _validate(
    run: Run,
    validate: Callable[[SSD], float],
    keep: Callable[[SSD, str, float | None], None],
    folder: Path,
    progress: ProgressLine,
) -> None:
    _look(run, progress)
    _agree(run)
    check_finite(run.result, step=run.step)
    started = time.monotonic()
    score = validate(run.result)
    run.model.train()
    better = score > run.best
    if run.processes.first:
        append_metrics(folder, {"step": run.step, "score": round(score, 5)})
    progress.say(f"step {run.step}: score {score:.4f}" + (" (best so far)" if better else ""))
    run.stale = 0 if better else run.stale + 1
    if better:
        run.best = score
        keep(run.result, "best", score)
    if run.gave_up and run.step < run.schedule.iterations:
        progress.say(f"stopped early: the last {run.stale} validations gave no better score than {run.best:.4f}")
    run.averages.since += time.monotonic() - started
