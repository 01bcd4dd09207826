"""Loader workers that die, freeze, or lack memory: one error within seconds."""

import os
import signal
import time
from collections.abc import Generator, Iterator
from multiprocessing import active_children
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.data.dataset import Dataset, Example
from multibox.data.loading import loader, watch
from multibox.data.loading.batch import Batch
from multibox.data.loading.loader import batches
from multibox.errors import ProcessError
from multibox.size import Size
from together import forks

pytestmark = [forks, pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")]


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Generator[Batch, None, None]]:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((30, 40, 3), np.uint8))
    none = np.zeros(0, bool)
    example = Example(path, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), none, none, "a", Size(30, 40))
    stream = batches(
        Dataset("one", ("a",), (example,)),
        augmentation=AUGMENTATIONS["flip"],
        input_size=Size(32, 32),
        batch_size=2,
        seed=0,
        workers=2,
    )
    assert isinstance(stream, Generator)
    yield stream
    assert not active_children()


def until_error(stream: Generator[Batch, None, None]) -> tuple[str, float]:
    started = time.monotonic()
    with pytest.raises(ProcessError) as caught:
        for _ in stream:
            pass
    return str(caught.value), time.monotonic() - started


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGBUS])
def test_a_worker_that_is_killed(stream: Generator[Batch, None, None], number: signal.Signals) -> None:
    """The signal that ended the worker is in the message, and the other worker is ended too."""
    next(stream)
    pid = active_children()[0].pid
    assert pid
    os.kill(pid, number)
    message, seconds = until_error(stream)
    assert ("shared memory" if number == signal.SIGBUS else f"was ended by {number.name}") in message
    assert "\n" not in message
    assert seconds < 20


def test_frozen_workers(stream: Generator[Batch, None, None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is stopped ends the stream after the limit, here 3 seconds, though it cannot end itself."""
    monkeypatch.setattr(watch, "_POLLS", 3)
    next(stream)
    pid = active_children()[0].pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    message, seconds = until_error(stream)
    assert "did not compute for 3 seconds" in message
    assert seconds < 20


def test_shared_memory_that_is_too_small(stream: Generator[Batch, None, None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of torch for a full /dev/shm becomes a message with its size and the option."""

    def full(tensor: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    message, _ = until_error(stream)
    assert "is too small for the batches" in message
    assert "--shm-size" in message


def test_memory_that_runs_out(stream: Generator[Batch, None, None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that cannot be allocated in a worker ends the stream with a message about memory."""

    def no_memory(*given: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(loader, "make_sample", no_memory)
    message, _ = until_error(stream)
    assert message.startswith("not enough memory for the next batch, with 2 processes")


def test_a_slow_reader_is_not_an_error(stream: Generator[Batch, None, None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that wait for a parent that computes for longer than the limit do not count as frozen."""
    monkeypatch.setattr(watch, "_POLLS", 2)
    next(stream)
    time.sleep(4)
    next(stream)
    stream.close()
