"""The training loop: steps, reports, validations and checkpoints."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.data.loading.batch import Batch
from multibox.models.ssd import SSD
from multibox.system.distributed import Agreement
from multibox.system.stopping import StopRequest
from multibox.training.averages import Averages
from multibox.training.finite import check_finite
from multibox.training.metrics import append_metrics
from multibox.training.network import training_network
from multibox.training.optimizer import set_rate
from multibox.training.prefetch import on_device
from multibox.training.run import Run
from multibox.training.step import accumulate_gradients, take_step
from multibox.training.stopping import NOTICE, Stopped

Row = dict[str, Any]


def ignore(_: object) -> None:
    """A callback that does nothing."""


@dataclass(frozen=True)
class Hooks:
    """Functions that the training loop calls.

    `keep(model, name, score)` stores weights: as "last" with each checkpoint and as "best" when the score is the best
    so far. `validate` computes the score of a model; None for no validation. `on_report` gets each row of the metrics
    and `on_message` each line for people.
    """

    keep: Callable[[SSD, str, float | None], None]
    validate: Callable[[SSD], float] | None = None
    on_report: Callable[[Row], object] = ignore
    on_message: Callable[[str], object] = ignore


def fit(run: Run, batches: Iterator[Batch], *, folder: Path, hooks: Hooks) -> None:
    """Train until the schedule ends; `batches` starts with micro-batch number `run.step * accumulate`.

    SIGINT or SIGTERM end the run after its current step with a checkpoint and raise Stopped. Raises TrainingError if
    the loss, a gradient or a weight is not finite; the last good checkpoint and weights are kept. If several
    processes train together, each passes its share of the micro-batches; `validate` and `keep` are called in all of
    them, `on_report` in the first.
    """
    run.start_training()
    network = training_network(run.model, compile=run.loop.compile, processes=run.processes)
    batches = on_device(batches, run.model.mean.device)
    agreement, number = Agreement(run.processes), 0
    with StopRequest(notice=NOTICE, on_message=hooks.on_message) as stop:
        while not run.done and not number:
            set_rate(run.optimizer, run.schedule.at(run.step))
            take_step(run, *accumulate_gradients(run, network, batches))
            number = agreement.largest(stop.number)
            if run.due(run.loop.report_every) or run.watch.full:
                _check_steps(run, hooks)
            if run.due(run.loop.report_every):
                _report(run, folder, hooks)
            if hooks.validate and run.due(run.loop.validate_every):
                _validate(run, hooks.validate, folder, hooks)
            if run.due(run.loop.checkpoint_every) or run.done or number:
                _checkpoint(run, folder, hooks)
    if number and not run.done:
        raise Stopped(step=run.step, number=number)


def _check_steps(run: Run, hooks: Hooks) -> None:
    """Check that the last steps were finite; TrainingError if the run cannot continue."""
    for line in run.watch.check(run.processes):
        hooks.on_message(line)


def _report(run: Run, folder: Path, hooks: Hooks) -> None:
    skipped = {"skipped": run.watch.skipped} if run.watch.skipped else {}
    row = {"step": run.step, "rate": run.schedule.at(run.step - 1), **run.averages.report(), **skipped}
    _write(row, run, folder, hooks)
    run.averages = Averages()


def _write(row: Row, run: Run, folder: Path, hooks: Hooks) -> None:
    """Add a row to the metrics and pass it on."""
    if run.processes.first:
        append_metrics(folder, row)
        hooks.on_report(row)


def _checkpoint(run: Run, folder: Path, hooks: Hooks) -> None:
    """Write weights, then the checkpoint: a run that dies in between writes the same weights again when it resumes."""
    _check_steps(run, hooks)
    _share_statistics(run)
    check_finite(run.model, step=run.step)
    check_finite(run.result, step=run.step)
    hooks.keep(run.result, "last", None)
    if run.processes.first:
        run.save(folder)


def _share_statistics(run: Run) -> None:
    """Give all processes the running statistics of the first one, the only values in which they differ."""
    run.processes.share_buffers(run.model)
    run.processes.share_buffers(run.result)


def _validate(run: Run, validate: Callable[[SSD], float], folder: Path, hooks: Hooks) -> None:
    _check_steps(run, hooks)
    _share_statistics(run)
    check_finite(run.result, step=run.step)
    started = time.monotonic()
    score = validate(run.result)
    run.start_training()
    better = score > run.best
    _write({"step": run.step, "score": round(score, 5)}, run, folder, hooks)
    hooks.on_message(f"step {run.step}: score {score:.4f}" + (" (best so far)" if better else ""))
    run.stale = 0 if better else run.stale + 1
    if better:
        run.best = score
        hooks.keep(run.result, "best", score)
    if run.gave_up and run.step < run.schedule.iterations:
        hooks.on_message(f"stopped early: the last {run.stale} validations gave no better score than {run.best:.4f}")
    run.averages.since += time.monotonic() - started
