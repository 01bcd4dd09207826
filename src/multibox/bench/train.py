"""How fast a training step is on this machine, part by part, compared with the machine's rate in matrix products."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from statistics import median
from typing import Any

import torch
from torch import nn

from multibox.bench.machine import ProductRates, describe_machine, device_name, peak_memory, share_of_products
from multibox.bench.spread import medians, spread
from multibox.data.loading.batch import Batch
from multibox.loss import hard_negatives, match_batch, multibox_loss
from multibox.models.operations import count_training_operations
from multibox.system.clock import Clock
from multibox.system.device import computes_bfloat16
from multibox.system.precision import WORDS
from multibox.system.progress import Progress
from multibox.training.averages import StepLosses
from multibox.training.network import computing_in, training_network
from multibox.training.optimizer import set_rate
from multibox.training.prefetch import on_device
from multibox.training.run import Run
from multibox.training.step import take_step

PARTS = ("load", "forward", "loss", "loss_backward", "backward", "optimizer")
"""The parts of a step, in order. "load" brings the next batch to the device, "loss" matches, mines and sums up."""

_BATCHES_IN_MEMORY = 4
_WARM_UP_STEPS = 2

Times = dict[str, float]


def bench_train(
    run: Run,
    stream: Callable[[int], Iterator[Batch]],
    *,
    steps: int = 10,
    workers: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Milliseconds of the parts of a step, images per second, memory and arithmetic rate, as plain data.

    `stream(n)` yields batches made by n processes. First come steps on batches in memory, alternating with matrix
    products, then as many steps on batches from `stream(workers)`. The learning rate is 0, so that every step does all
    its work without changing the weights.
    """
    device = run.model.mean.device
    run.start_training()
    network = training_network(run.model, compile=run.loop.compile, processes=run.processes)
    set_rate(run.optimizer, 0.0)
    _forget_peak(device)
    advance = _counter(2 * steps, progress)
    held = list(islice(stream(0), min(_BATCHES_IN_MEMORY, steps)))
    in_memory, inside, rates = _steps_in_memory(run, network, held, steps=steps, advance=advance)
    loaded, skip = on_device(stream(workers), device), _WARM_UP_STEPS + 2 * workers
    from_stream = _steps_from_stream(run, network, loaded, steps=steps, skip=skip, advance=advance)
    batch = len(held[0].names)
    operations = count_training_operations(run.model)
    rate = operations * batch / _median_step(in_memory) * 1000
    return {
        "machine": describe_machine(),
        "device": f"{device}, {device_name(device)}",
        "batch": batch,
        "precision": WORDS[run.precision],
        "compiled": run.loop.compile,
        "steps": steps,
        "workers": workers,
        "objects_per_batch": median(int(batch.valid.sum()) for batch in held),
        "in_memory": {**_summary(in_memory, batch=batch), "inside_loss": medians(inside)},
        "with_loader": _summary(from_stream, batch=batch),
        "giga_operations_per_image": round(operations, 3),
        "giga_operations_per_second": round(rate, 1),
        "matrix_product_giga_operations_per_second": rates,
        "share_of_matrix_product": share_of_products(rate, computes=WORDS[run.precision], rates=rates),
        "peak_memory_mib": round(peak_memory(device), 1),
    }


def timed_step(run: Run, network: nn.Module, batches: Iterator[Batch]) -> Times:
    """Take one step as the training loop does, with batches on the device; returns milliseconds of each of PARTS."""
    clock = Clock(run.model.mean.device)
    batch = next(batches)
    clock.mark("load")
    run.optimizer.zero_grad(set_to_none=True)
    with computing_in(run.precision, batch.images.device):
        offsets, logits = network(batch.images)
    clock.mark("forward")
    loss = multibox_loss(
        offsets,
        logits,
        batch.boxes,
        batch.labels,
        batch.valid,
        coder=run.model.coder,
        config=run.loss,
        score_function=run.model.config.score_function,
    )
    clock.mark("loss")
    outputs = (offsets, logits)
    gradients = torch.autograd.grad(run.scaler.scale(loss.total) if run.scaler else loss.total, outputs)
    clock.mark("loss_backward")
    torch.autograd.backward(outputs, gradients)
    clock.mark("backward")
    take_step(run, batch.names, StepLosses.zero(run.model.mean.device).plus(loss, micro_batches=1))
    clock.mark("optimizer")
    return clock.milliseconds()


def timed_matching(run: Run, batch: Batch) -> Times:
    """Milliseconds of matching and of mining on one batch; the background losses are random."""
    device = run.model.mean.device
    background_losses = torch.rand(len(batch.names), len(run.model.coder.corners), device=device)
    clock = Clock(device)
    matches = match_batch(batch.boxes, batch.valid, coder=run.model.coder, config=run.loss)
    clock.mark("match")
    hard_negatives(background_losses, matches, config=run.loss)
    clock.mark("mine")
    return clock.milliseconds()


def _steps_in_memory(
    run: Run, network: nn.Module, held: Sequence[Batch], *, steps: int, advance: Callable[[], None]
) -> tuple[list[Times], list[Times], dict[str, float]]:
    """Times of the steps, times of matching and mining, and rates of matrix products by precision, in turns."""
    device = run.model.mean.device
    batches = cycle([batch.to(device) for batch in held])
    times: list[Times] = []
    inside: list[Times] = []
    rates = ProductRates(("fp32", "bf16") if computes_bfloat16(device) else ("fp32",), device=device)
    for number in range(-_WARM_UP_STEPS, steps):
        spent = timed_step(run, network, batches)
        alone = timed_matching(run, next(batches))
        if number < 0:
            continue
        times.append(spent)
        inside.append(alone)
        rates.measure()
        advance()
    return times, inside, rates.medians()


def _steps_from_stream(
    run: Run, network: nn.Module, batches: Iterator[Batch], *, steps: int, skip: int, advance: Callable[[], None]
) -> list[Times]:
    """Times of the steps after the first `skip`, which use batches that were made ahead."""
    times = []
    for number in range(-skip, steps):
        spent = timed_step(run, network, batches)
        if number >= 0:
            times.append(spent)
            advance()
    return times


def _summary(times: list[Times], *, batch: int) -> dict[str, Any]:
    """Images per second, spread of the milliseconds of each part, and the share of each part in the whole time."""
    whole = [sum(spent.values()) for spent in times]
    spreads = {part: spread([spent[part] for spent in times]) for part in PARTS}
    return {
        "images_per_second": round(1000 * batch * len(times) / sum(whole), 3),
        "milliseconds": {**spreads, "step": spread(whole)},
        "shares": {part: round(sum(spent[part] for spent in times) / sum(whole), 5) for part in PARTS},
    }


def _median_step(times: list[Times]) -> float:
    return median(sum(spent.values()) for spent in times)


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _counter(total: int, progress: Progress | None) -> Callable[[], None]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return advance
