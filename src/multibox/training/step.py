"""One training step: the loss and gradient of each micro-batch, then the change of the weights."""

from collections.abc import Iterator
from contextlib import nullcontext

from jaxtyping import Float, Int64
from torch import Tensor, nn

from multibox.data.loading.batch import Batch
from multibox.loss import MultiBoxLoss, at_least_one, multibox_loss
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
    for number in range(run.loop.accumulate):
        batch = next(batches)
        names += batch.names
        last = number == run.loop.accumulate - 1
        with nullcontext() if last else without_averaging(network):
            loss = _loss(run, network, batch)
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


def global_normalizer(positives: Int64[Tensor, ""], processes: Processes) -> Float[Tensor, ""]:
    """N of a batch that several processes share: all their matches, at least 1, divided by the number of processes.

    Gradients are averaged over the processes, so each one divides by its share of N.
    """
    return at_least_one(processes.sum(positives)) / processes.count


def _loss(run: Run, network: nn.Module, batch: Batch) -> MultiBoxLoss:
    with computing_in(run.precision, batch.images.device):
        offsets, logits = network(batch.images)
    shared = run.loop.normalizer == "global"
    return multibox_loss(
        offsets,
        logits,
        batch.boxes,
        batch.labels,
        batch.valid,
        coder=run.model.coder,
        config=run.loss,
        normalizer=(lambda positives: global_normalizer(positives, run.processes)) if shared else at_least_one,
    )


def _scaled(run: Run, loss: Tensor) -> Tensor:
    return run.scaler.scale(loss) if run.scaler else loss
