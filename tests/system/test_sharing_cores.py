"""The number of threads beside the work of other processes, against counters written by hand."""

import multiprocessing
import os
from pathlib import Path

import pytest
import torch

from multibox.system import sharing
from multibox.system.sharing import OtherWork, free_threads, sharing_cores

TICKS = os.sysconf("SC_CLK_TCK")


class Machine:
    """Two cores whose counters a test sets, in seconds."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stat, self.busy, self.idle, self.own = folder / "stat", 0.0, 0.0, 0.0
        monkeypatch.setattr(sharing, "_STAT", str(self.stat))
        monkeypatch.setattr(sharing.os, "cpu_count", lambda: 2)
        monkeypatch.setattr(sharing, "own_cores", lambda: 2)
        monkeypatch.setattr(sharing.os, "times", lambda: os.times_result((self.own, 0, 0, 0, 0)))
        self.run(seconds=0, own=0, others=0)

    def run(self, *, seconds: float, own: float, others: float) -> None:
        """Let time pass in which this process and others keep so many cores busy."""
        self.own += own * seconds
        self.busy += (own + others) * seconds
        self.idle += (2 - own - others) * seconds
        line = f"cpu  {round(self.busy * TICKS)} 0 0 {round(self.idle * TICKS)} 0 0 0 0 0 0"
        self.stat.write_text(f"{line}\ncpu0 0\ncpu1 0\nintr 0\n")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_other_work_is_what_this_process_has_not_done(machine: Machine) -> None:
    """Cores of other processes over several spans of time; no answer for a short one, which the next one includes."""
    work = OtherWork()
    machine.run(seconds=10, own=1.2, others=0.8)
    assert work.cores() == pytest.approx(0.8, abs=0.01)
    machine.run(seconds=0.1, own=2, others=0)
    assert work.cores() is None
    machine.run(seconds=0.9, own=2, others=0)
    assert work.cores() == pytest.approx(0, abs=0.02)


def test_work_of_ended_workers_is_not_that_of_others(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loader worker that ends, whose time the system then adds to that of this process's children: no other work."""
    worker = multiprocessing.Process()
    monkeypatch.setattr(sharing.multiprocessing, "active_children", lambda: [worker])
    monkeypatch.setattr(sharing, "_seconds_of", lambda process, ticks: 500.0)
    work = OtherWork()
    machine.run(seconds=10, own=1.5, others=0)
    monkeypatch.setattr(sharing.multiprocessing, "active_children", list)
    monkeypatch.setattr(sharing.os, "times", lambda: os.times_result((machine.own, 0, 500.0, 0, 0)))
    assert work.cores() == pytest.approx(0, abs=0.01)


def test_threads_leave_room() -> None:
    """The threads for the work of others on 2 and 16 cores, also if 8 threads are the most of 16 virtual cores."""
    assert [free_threads(taken, cores=2, most=2) for taken in (0, 0.4, 0.67, 1, 2, 9)] == [2, 2, 1, 1, 1, 1]
    assert [free_threads(taken, cores=16, most=16) for taken in (0, 1, 7.6, 40)] == [16, 15, 8, 1]
    assert [free_threads(taken, cores=16, most=8) for taken in (0, 7, 12)] == [8, 8, 4]


def test_threads_follow_the_machine(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's threads while others work, after that, and after the block; unchanged with OMP_NUM_THREADS."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with sharing_cores() as adapt:
            machine.run(seconds=10, own=1.3, others=0.7)
            adapt()
            assert torch.get_num_threads() == 1
            machine.run(seconds=10, own=1, others=0)
            adapt()
            assert torch.get_num_threads() == 2
            machine.run(seconds=10, own=1, others=1)
            adapt()
        assert torch.get_num_threads() == 2
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        with sharing_cores() as adapt:
            machine.run(seconds=10, own=1, others=1)
            adapt()
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_system_without_counters(machine: Machine) -> None:
    """Work of others on a system without /proc/stat: none."""
    machine.stat.unlink()
    assert OtherWork().cores() == 0
