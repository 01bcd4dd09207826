"""Shards on this machine: processes that each load the detector once and write one part after another.

A process is a new interpreter, not a fork, so that it may use threads and GPUs. Only settings, names of images and
counts pass between the processes. A process ends when this one does, however that happens.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from multibox.batch.shard import WorkSettings
from multibox.errors import MultiboxError, ProcessError

_ATTEMPTS = 3
"""How often a shard may end its process, for example for lack of memory, before the run stops."""

_PACKAGE = Path(__file__).parents[2]


def run_shards(
    shards: Iterator[dict[str, Any]],
    settings: WorkSettings,
    *,
    count: int,
    workers: int | None,
    ready: Callable[[], None],
) -> Iterator[dict[str, Any]]:
    """Write the parts of all shards; yield the result of each. By default there is a process for each GPU, or one.

    Raises the error of a process that cannot load the detector, and ProcessError if processes end again and again.
    """
    crew = _Crew(shards, settings, size=max(1, min(workers or _gpus(settings.device), count)))
    try:
        yield from crew.results(ready)
    finally:
        crew.end()


def _gpus(device: str | None) -> int:
    import torch

    return torch.cuda.device_count() if device in (None, "cuda") else 1


class _Worker:
    """A process, and what it is doing: None while it loads or waits, else its shard."""

    def __init__(self, settings: WorkSettings, *, index: int, of: int) -> None:
        self.index = index
        self.shard: dict[str, Any] | None = None
        self.connection, theirs = Pipe()
        with theirs:
            command = [sys.executable, "-P", "-m", "multibox.batch.worker", str(theirs.fileno()), str(os.getpid())]
            self.process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_PACKAGE), os.environ.get("PYTHONPATH", "")])},
                start_new_session=True,  # an interrupt at the terminal reaches this process only, which ends them
            )
        self._send((settings, index, of))

    def give(self, shard: dict[str, Any]) -> None:
        self.shard = shard
        self._send(shard)

    def _send(self, message: object) -> None:
        with suppress(OSError):  # the process has ended, which the next wait notices
            self.connection.send(message)

    def end(self) -> int:
        """End the process and return its exit code."""
        self.connection.close()
        self.process.kill()
        return self.process.wait()


class _Crew:
    """Processes that take shards in turn; a process that was lost is replaced, and its shard is done again."""

    def __init__(self, shards: Iterator[dict[str, Any]], settings: WorkSettings, *, size: int) -> None:
        self._left, self._again = shards, deque[dict[str, Any]]()
        self._lost: dict[int, int] = {}
        self._settings, self._size = settings, size
        self._workers = [self._start(index) for index in range(size)]

    def results(self, ready: Callable[[], None]) -> Iterator[dict[str, Any]]:
        """Hand out all shards, and yield the result of each."""
        begun = False
        while self._workers:
            by_connection = {worker.connection: worker for worker in self._workers}
            for connection in wait(list(by_connection)):
                assert isinstance(connection, Connection)
                worker = by_connection[connection]
                message = self._received(worker)
                if message is None:
                    continue
                if not begun:
                    begun = True
                    ready()
                worker.shard = None
                if "number" in message:
                    yield message
                self._employ(worker)

    def _received(self, worker: _Worker) -> dict[str, Any] | None:
        """The message of a process; None if it ended instead. Raises the error that it reports."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return None
        if isinstance(message, MultiboxError):
            raise message
        return dict(message)

    def _employ(self, worker: _Worker) -> None:
        shard = self._again.popleft() if self._again else next(self._left, None)
        if shard is not None:
            worker.give(shard)
            return
        worker.end()
        self._workers.remove(worker)

    def _replace(self, worker: _Worker) -> None:
        code = worker.end()
        self._workers.remove(worker)
        number = -1 if worker.shard is None else worker.shard["number"]
        self._lost[number] = self._lost.get(number, 0) + 1
        if self._lost[number] == _ATTEMPTS:
            raise ProcessError(_hopeless(number, code))
        if worker.shard is not None:
            self._again.append(worker.shard)
        self._workers.append(self._start(worker.index))

    def _start(self, index: int) -> _Worker:
        return _Worker(self._settings, index=index, of=self._size)

    def end(self) -> None:
        """End all processes at once."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()


def _hopeless(number: int, code: int) -> str:
    way = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    doing = "while it loaded the detector" if number < 0 else f"on shard {number}"
    return (
        f"a worker ended {way} {doing}, {_ATTEMPTS} times; signal 9 means too little memory: use fewer --workers or a "
        "smaller --batch (finished shards stay: use --resume)"
    )
