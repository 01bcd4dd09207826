"""One training step: the loss and gradient of each micro-batch, then the change of the weights."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from multibox.data.loading.batch import Batch
from multibox.loss import MultiBoxLoss, at_least_one, match_batch, multibox_loss
from multibox.matching import Matches
from multibox.system.distributed import Processes, without_averaging
from multibox.training.averages import StepLosses
from multibox.training.finite import skip_unless
from multibox.training.network import computing_in
from multibox.training.optimizer import clip_gradient
from multibox.training.run import Run


def accumulate_gradients(run: Run, network: nn.Module, batches: Iterator[Batch]) -> tuple[list[str], StepLosses]:
    """Sum the gradients of the micro-batches of one step; return the names of their images and their mean losses."""
    run.optimizer.zero_grad(set_to_none=True)
    if run.can_skip:
        run.statistics.remember()
    names: list[str] = []
    losses = StepLosses.zero(run.model.mean.device)
    for number, part in enumerate(_micro_batches(run, batches), start=1):
        names += part.batch.names
        with nullcontext() if number == run.loop.accumulate else without_averaging(network):
            loss = _loss(run, network, part)
            _scaled(run, loss.total / run.loop.accumulate).backward()
        losses = losses.plus(loss, micro_batches=run.loop.accumulate)
    return names, losses.over(run.processes)


def take_step(run: Run, names: list[str], losses: StepLosses) -> None:
    """Change the weights, unless the step is skipped; the device decides that without waiting for the host."""
    if run.scaler:
        run.scaler.unscale_(run.optimizer)
    norm = clip_gradient(run.model.parameters(), limit=run.optimizer_config.clip)
    finite = run.watch.record(run.step, names, loss=losses.total, norm=norm)
    if run.can_skip:
        skip_unless(run.optimizer, finite)
        run.statistics.undo_unless(finite)
    run.optimizer.step()
    if run.scaler:
        run.scaler.update()
    if run.average:
        run.average.update(run.model, step=run.step)
    run.averages.add(losses, finite, images=run.loop.batch_size)
    run.step += 1


class _MicroBatch(NamedTuple):
    """A part of a step. With the global normalizer, also its matches and the divisor of its loss."""

    batch: Batch
    matches: Matches | None = None
    divisor: Float[Tensor, ""] | None = None


def _micro_batches(run: Run, batches: Iterator[Batch]) -> Iterator[_MicroBatch]:
    """Yield the micro-batches of one step; the global normalizer needs the matches of all before the first loss."""
    if run.loop.normalizer == "process":
        for _ in range(run.loop.accumulate):
            yield _MicroBatch(next(batches))
        return
    parts = [next(batches) for _ in range(run.loop.accumulate)]
    matches = [match_batch(part.boxes, part.valid, coder=run.model.coder, config=run.loss) for part in parts]
    positives = torch.stack([found.positive.sum() for found in matches]).sum()
    divisor = global_divisor(positives, run.processes, micro_batches=run.loop.accumulate)
    for part, found in zip(parts, matches, strict=True):
        yield _MicroBatch(part, found, divisor)


def global_divisor(positives: Int64[Tensor, ""], processes: Processes, *, micro_batches: int) -> Float[Tensor, ""]:
    """N of a whole step, at least 1, divided by the number of its parts; `positives` are the matches of this process.

    Gradients are averaged over micro-batches and processes, so each part divides by its share of N.
    """
    return at_least_one(processes.sum(positives)) / (processes.count * micro_batches)


def _loss(run: Run, network: nn.Module, part: _MicroBatch) -> MultiBoxLoss:
    batch, divisor = part.batch, part.divisor
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
        score_function=run.model.config.score_function,
        normalizer=at_least_one if divisor is None else lambda positives: divisor,
        matches=part.matches,
    )


def _scaled(run: Run, loss: Tensor) -> Tensor:
    return run.scaler.scale(loss) if run.scaler else loss
