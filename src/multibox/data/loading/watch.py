"""Items of a DataLoader with workers that may die, freeze or run out of memory: each ends the stream with one error."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

from torch.utils.data import DataLoader
from torch.utils.data._utils import signal_handling

from multibox.data.loading.batch import Batch
from multibox.errors import ProcessError
from multibox.words import counted, listed

T = TypeVar("T")

_STATES = Path("/proc/self/task")  # of Linux
_POLLS = 20  # of one second
_FEWEST_TICKS = 3  # of processor time in all polls; a waiting worker wakes up now and then


def watched(loader: "DataLoader[T]") -> Iterator[T]:
    """Yield the items of a loader.

    Raises ProcessError if a worker cannot be started, dies, or, on Linux, if no worker computes for 20 seconds while
    an item is awaited. The other workers are ended then.
    """
    if not loader.num_workers:
        yield from loader
        return
    try:
        items: Any = iter(loader)
    except OSError as error:
        raise ProcessError(
            f"cannot start {loader.num_workers} loader workers: {(error.strerror or str(error)).lower()}; "
            "use fewer --workers or none"
        ) from None
    _look_for_deaths_only_in_next(items)
    watch = _Watch(items._workers)
    try:
        while True:
            try:
                with watch.waiting():
                    item = next(items)
            except StopIteration:
                return
            except (RuntimeError, OSError, EOFError) as error:
                reason = watch.reason()
                if reason is None:
                    raise
                raise ProcessError(reason) from error
            yield item
    finally:
        watch.stop()
        _end(items, failed=watch.reason(patience=0) is not None)


def _look_for_deaths_only_in_next(items: Any) -> None:
    """Do not let torch's handler of SIGCHLD raise an error anywhere in the program; `next` finds dead workers too."""
    signal_handling._remove_worker_pids(id(items))  # type: ignore[attr-defined]
    items._worker_pids_set = False


def _end(items: Any, *, failed: bool) -> None:
    """End the workers. After a failure they get no chance to finish: the dead one may hold a lock of theirs."""
    if failed:
        items._shutdown = True
        if hasattr(items, "_pin_memory_thread_done_event"):
            items._pin_memory_thread_done_event.set()
    else:
        items._shutdown_workers()
    for worker in items._workers:
        if worker.is_alive():
            worker.kill()
            worker.join()


class _Watch:
    """A thread that kills workers that are frozen while their parent waits, because reading from them has no limit."""

    def __init__(self, workers: Sequence[BaseProcess]) -> None:
        self._workers = workers
        self._waiting, self._stopped = Event(), Event()
        self._frozen = False
        if _STATES.is_dir():  # other systems do not tell the processor time of a process this way
            Thread(target=self._run, name="watch loader workers", daemon=True).start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self._waiting.set()
        try:
            yield
        finally:
            self._waiting.clear()

    def stop(self) -> None:
        self._stopped.set()

    def reason(self, *, patience: float = 1.0) -> str | None:
        """What happened to the workers; None if all of them are alive."""
        if self._frozen:
            pids = listed(str(worker.pid) for worker in self._workers)
            return (
                f"the loader workers (processes {pids}) did not compute for {_POLLS} seconds: look for stopped "
                "processes and a disk that does not answer, or use --workers 0"
            )
        for worker in self._workers:
            if patience:
                worker.join(patience / len(self._workers))
            if worker.exitcode is not None and worker.exitcode != 0:
                return _death(worker)
        return None

    def _run(self) -> None:
        polls, ticks = 0, 0
        while not self._stopped.wait(1.0):
            now = sum(_ticks(worker.pid) for worker in self._workers)
            if not self._waiting.is_set() or now - ticks >= _FEWEST_TICKS:
                polls, ticks = 0, now
                continue
            polls += 1
            if polls >= _POLLS:
                self._frozen = True
                for worker in self._workers:
                    worker.kill()
                return


def _death(worker: BaseProcess) -> str:
    code = worker.exitcode or 0
    if code == -signal.SIGBUS:
        return _shared_memory_is_full()
    if code < 0:
        why = ", as the system does if memory runs out" if code == -signal.SIGKILL else ""
        ended = f"was ended by {signal.Signals(-code).name}{why}"
    else:
        ended = f"ended with exit code {code}"
    return f"a loader worker (process {worker.pid}) {ended}: use fewer --workers or none, or a smaller loop.batch_size"


def shared(batch: Batch) -> Batch:
    """The batch in shared memory, before torch's queue would copy it there in a thread that loses its errors.

    Raises ProcessError if the shared memory is too small.
    """
    try:
        return batch.share_memory()
    except (RuntimeError, OSError):
        raise ProcessError(_shared_memory_is_full()) from None


def out_of_memory(workers: int) -> ProcessError:
    """The error of a process that makes samples and cannot allocate memory."""
    return ProcessError(
        f"not enough memory for the next batch, with {counted(workers, 'process')} that make batches: use fewer "
        "--workers, a smaller --cache or a smaller loop.batch_size"
    )


def _shared_memory_is_full() -> str:
    folder = Path("/dev/shm")
    size = ""
    if folder.is_dir():
        space = os.statvfs(folder)
        size = f" of {space.f_frsize * space.f_blocks >> 20} MiB in {folder}"
    return (
        f"the shared memory{size} is too small for the batches of the loader workers: use --workers 0 or fewer "
        "workers, or enlarge it (docker run --shm-size=2g)"
    )


def _ticks(pid: int | None) -> int:
    """Processor time of a process, in ticks of the system."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
