"""A run of several processes against a run of one process."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from multibox.data.loading.batch import Batch
from multibox.errors import ProcessError, TrainingError, UsageError
from multibox.system.distributed import Processes, joined
from multibox.training.checkpoint import find_checkpoint
from multibox.training.metrics import read_metrics
from multibox.training.run import LoopConfig
from multibox.training.stopping import Stopped
from tiny_training import make_batch, make_run, stream, train
from together import forks, together

pytestmark = forks

LOOP = LoopConfig(batch_size=16, accumulate=2, normalizer="global", report_every=2, checkpoint_every=2, ema=0.9)
"""Two processes get batches of 4 in turn; a single process gets two of them as one."""


RATE = 0.002
"""Small enough that losses fall on every processor: in a run that diverges, rounding errors grow with it."""


def pairs() -> Iterator[Batch]:
    batches = stream()
    for first, second in zip(batches, batches, strict=True):
        tensors = {
            name: torch.cat([getattr(first, name), getattr(second, name)])
            for name in ("images", "boxes", "labels", "valid", "difficult")
        }
        yield replace(first, **tensors, names=first.names + second.names)


def shared_run(
    rank: int, folder: Path, *, loop: LoopConfig, batches: Iterator[Batch] | None = None, iterations: int = 4
) -> dict[str, Any]:
    """Train and return the weights of one of the processes."""
    with joined() as processes:
        run = make_run(iterations=iterations, loop=loop, batch_norm=False, rate=RATE, processes=processes)
        train(run, folder, batches=batches or stream(rank, stride=processes.count))
        return {name: value.numpy() for name, value in run.result.state_dict().items()}


def assert_close(found: dict[str, Any], expected: dict[str, torch.Tensor]) -> None:
    """Rounding changes weights by about 1e-7 in these runs; another normalizer would change them by about 0.1."""
    for name, value in expected.items():
        torch.testing.assert_close(torch.from_numpy(found[name]), value, rtol=1e-4, atol=1e-6, msg=name)


def without_speed(folder: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k != "images_per_second"} for row in read_metrics(folder)]


def folders(root: Path, *names: str) -> list[Path]:
    for name in names:
        (root / name).mkdir()
    return [root / name for name in names]


def test_global_normalizer_gives_the_gradients_of_one_process(tmp_path: Path):
    """Weights and metrics of two processes with accumulation against one process with twice the batch."""
    alone, both = folders(tmp_path, "alone", "both")
    run = make_run(iterations=4, loop=LOOP, batch_norm=False, rate=RATE)
    train(run, alone, batches=pairs())
    found = together(lambda rank: shared_run(rank, both, loop=LOOP))
    for values in found:
        assert_close(values, run.result.state_dict())
    assert len(read_metrics(both)) == 2
    for row, expected in zip(without_speed(both), without_speed(alone), strict=True):
        assert row == pytest.approx(expected, rel=1e-4)


def test_each_process_divides_by_its_own_matches(tmp_path: Path):
    """Weights of two processes with the official rule against one that accumulates the same halves (`iter_size`)."""
    alone, both = folders(tmp_path, "alone", "both")
    loop = replace(LOOP, batch_size=8, accumulate=2, normalizer="process")
    run = make_run(iterations=4, loop=loop, batch_norm=False, rate=RATE)
    train(run, alone)
    found = together(lambda rank: shared_run(rank, both, loop=replace(loop, accumulate=1)))
    for values in found:
        assert_close(values, run.result.state_dict())


def test_a_signal_to_one_stops_both_after_the_same_step(tmp_path: Path):
    """The steps at which two processes stop after a SIGTERM to one of them against each other and the checkpoint."""

    def batches(rank: int) -> Iterator[Batch]:
        for number, batch in enumerate(stream(rank, stride=2)):
            if (rank, number) == (1, 3):
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    def work(rank: int) -> tuple[int, int]:
        try:
            shared_run(rank, tmp_path, loop=LOOP, batches=batches(rank), iterations=9)
        except Stopped as stopped:
            return stopped.step, stopped.number
        return 9, 0

    first, second = together(work)
    state = find_checkpoint(tmp_path).state
    assert state is not None
    assert first == second == (state["step"], signal.SIGTERM)
    assert state["step"] < 5


def test_all_processes_name_the_poisoned_image_of_one(tmp_path: Path):
    """Errors of both processes against the image of one of them; the checkpoint before it is intact."""

    def batches(rank: int) -> Iterator[Batch]:
        for number in range(rank, 99, 2):
            batch = make_batch(number)
            yield replace(batch, boxes=torch.full_like(batch.boxes, torch.nan)) if number == 13 else batch

    errors = together(lambda rank: shared_run(rank, tmp_path, loop=LOOP, batches=batches(rank), iterations=9))
    for error in errors:
        assert isinstance(error, TrainingError)
        assert "the loss of step 3 is nan" in str(error)
        assert "image 13.0" in str(error)
        assert "image 12.0" in str(error)
    state = find_checkpoint(tmp_path).state
    assert state is not None
    assert state["step"] == 2


def test_a_death_ends_the_run_soon(tmp_path: Path):
    """A process that ends in the third step against the error of the other, within seconds, and its checkpoint."""

    def batches(rank: int) -> Iterator[Batch]:
        yield from islice(stream(rank, stride=2), 6 if rank == 1 else None)
        os._exit(9)

    started = time.monotonic()
    error, code = together(lambda rank: shared_run(rank, tmp_path, loop=LOOP, batches=batches(rank), iterations=9))
    assert code == 9
    assert isinstance(error, ProcessError)
    assert time.monotonic() - started < 25
    state = find_checkpoint(tmp_path).state
    assert state is not None
    assert state["step"] == 2


def test_images_are_split_evenly():
    """Shares of a micro-batch against the quotient; a remainder against an error with the next step."""
    assert LoopConfig(batch_size=32, accumulate=2).share(4) == 4
    with pytest.raises(UsageError, match="2 processes: choose a multiple of 6"):
        LoopConfig(batch_size=32, accumulate=3).share(2)


def test_running_statistics_are_those_of_the_first(tmp_path: Path):
    """Running means of batch normalization in two processes against those of the first one's images alone."""
    loop = replace(LOOP, batch_size=8, accumulate=1, ema=0.0)

    def work(rank: int) -> Any:
        with joined() as processes:
            run = make_run(iterations=1, loop=loop, processes=processes)
            train(run, tmp_path, batches=stream(rank, stride=2))
            return {name: value.numpy() for name, value in run.model.state_dict().items() if "running" in name}

    first = make_run(iterations=1, loop=loop, processes=Processes())
    with torch.no_grad():
        first.model.train()(make_batch(0).images)
    expected = {name: value for name, value in first.model.state_dict().items() if "running" in name}
    for found in together(work):
        assert_close(found, expected)
