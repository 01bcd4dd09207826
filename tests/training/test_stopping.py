"""Signals end a run after its step, with a checkpoint; the old signal handlers are restored."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from multibox.data.loading.batch import Batch
from multibox.system.stopping import StopRequest
from multibox.training.metrics import read_metrics
from multibox.training.stopping import Stopped
from tiny_training import LOOP, make_run, restore, stream, train


def interrupted(*, at: int, number: int, times: int = 1) -> Iterator[Batch]:
    """Yield the usual batches, and send a signal to this process before number `at`."""
    for step, batch in enumerate(stream()):
        for _ in range(times if step == at else 0):
            os.kill(os.getpid(), number)
        yield batch


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step(tmp_path: Path, number: signal.Signals):
    """A run that got a signal in step 4 and was resumed against a run without a signal, bit for bit."""
    for name in ("whole", "pieces"):
        (tmp_path / name).mkdir()
    whole = make_run(iterations=9, loop=LOOP)
    train(whole, tmp_path / "whole")
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=f"stopped after step 5 by {number.name}") as stopped:
        train(make_run(iterations=9, loop=LOOP), tmp_path / "pieces", batches=interrupted(at=4, number=number))
    assert (stopped.value.step, stopped.value.number) == (5, number)
    assert signal.getsignal(number) is before
    resumed = make_run(iterations=9, loop=LOOP)
    restore(resumed, tmp_path / "pieces")
    assert resumed.step == 5
    train(resumed, tmp_path / "pieces", start=5)
    for name, value in whole.result.state_dict().items():
        assert torch.equal(value, resumed.result.state_dict()[name]), name
    rows = [
        [{k: v for k, v in row.items() if k != "images_per_second"} for row in read_metrics(tmp_path / name)]
        for name in ("whole", "pieces")
    ]
    assert rows[0] == rows[1]


def test_a_second_signal_ends_immediately(tmp_path: Path):
    """Two signals in one step against the usual effect of the second: KeyboardInterrupt, and no checkpoint."""
    twice = interrupted(at=1, number=signal.SIGINT, times=2)
    with pytest.raises(KeyboardInterrupt) as raised:
        train(make_run(iterations=9, loop=LOOP), tmp_path, batches=twice)
    assert not isinstance(raised.value, Stopped)
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_leave_signals_alone():
    """The signal handlers while another thread than the main one trains against those before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    during: list[object] = []

    def wait() -> None:
        with StopRequest(notice="stopping", on_message=print):
            during.extend(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM))

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert during == before


def test_ignored_signals_remain_ignored():
    """SIGINT of a background process, whose shell ignores it, against no handler."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest(notice="stopping", on_message=print) as stop:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.number == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
