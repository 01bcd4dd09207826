"""Work that follows in a thread of its own, in order, with a bounded number of items that wait."""

from collections.abc import Callable
from queue import Full, Queue
from threading import Thread
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Behind(Generic[T]):
    """Calls `work` for each item in a thread; `add` waits while `count` items wait.

    An exception of `work` is raised by the next `add`, or at the end of the block; then further items are dropped.
    """

    def __init__(self, work: Callable[[T], object], *, count: int) -> None:
        self._work = work
        self._queue: Queue[T | None] = Queue(count)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="behind", daemon=True)

    def __enter__(self) -> "Behind[T]":
        self._thread.start()
        return self

    def add(self, item: T) -> None:
        """Hand an item over."""
        while True:
            self._raise()
            try:
                self._queue.put(item, timeout=1)
            except Full:
                continue
            return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None:
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._work(item)
                except BaseException as error:
                    self._error = error
