"""Leaves cores to other processes: on a busy core, each layer of a small network waits for its last thread."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from multibox.system.process import own_cores

_STAT, _TICKS = "/proc/stat", "SC_CLK_TCK"
_SHORTEST = 0.5  # seconds; /proc counts hundredths


class _Clock(NamedTuple):
    """Seconds of processor time since the machine and this process started, and the machine's cores."""

    machine: float
    idle: float
    own: float
    cores: int


class OtherWork:
    """Tells how many cores other processes keep busy. Only Linux tells; elsewhere it is always 0."""

    def __init__(self) -> None:
        self._last = _read_clock()

    def cores(self) -> float | None:
        """Return the mean number since the last answer; None if that was too short ago."""
        now, last = _read_clock(), self._last
        if now is None or last is None:
            return 0.0
        passed = now.machine - last.machine
        if passed < _SHORTEST * now.cores:
            return None
        self._last = now
        busy = passed - (now.idle - last.idle) - max(0.0, now.own - last.own)
        return max(0.0, busy / passed * now.cores)


@contextmanager
def sharing_cores() -> Iterator[Callable[[], None]]:
    """Yield a function that gives PyTorch one thread for each core that other processes have left free lately.

    Call it now and then. Two threads beside one busy process on two cores train a small network at a tenth of its
    speed, because each of its hundreds of layers waits until the second thread gets a core; one thread trains at half.
    The number never exceeds that of the start, which stays as it is if OMP_NUM_THREADS is set or if this process may
    not use all cores of the machine. It is restored at the end.
    """
    import torch

    most = torch.get_num_threads()
    work = OtherWork()
    if most == 1 or os.environ.get("OMP_NUM_THREADS") or own_cores() != os.cpu_count():
        yield _do_nothing
        return

    def adapt() -> None:
        if (taken := work.cores()) is not None:
            torch.set_num_threads(free_threads(taken, cores=own_cores(), most=most))

    try:
        yield adapt
    finally:
        torch.set_num_threads(most)


def free_threads(taken: float, *, cores: int, most: int) -> int:
    """The number of threads, 1 to `most`, beside work that takes so many of `cores`."""
    return min(most, max(1, round(cores - taken)))


def _do_nothing() -> None:
    """Keep the number of threads."""


def _read_clock() -> _Clock | None:
    """Read the counters of Linux; None where there are none."""
    try:
        lines = Path(_STAT).read_text().splitlines()
        fields = [int(text) for text in lines[0].split()[1:9]]
        ticks = os.sysconf(_TICKS)
        workers = sum(_seconds_of(child.pid, ticks) for child in multiprocessing.active_children())
    except (OSError, ValueError, IndexError):
        return None
    cores = sum(line.startswith("cpu") for line in lines) - 1
    own = sum(os.times()[:4]) + workers  # those of ended children stay in the times of this process
    return _Clock(sum(fields) / ticks, (fields[3] + fields[4]) / ticks, own, cores)


def _seconds_of(process: int | None, ticks: int) -> float:
    """Processor time of a loader process; 0 if it has ended."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / ticks
