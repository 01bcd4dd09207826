"""Objects that only one thread at a time may use, shared by any number of threads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """Lends each thread a separate object, and makes a new one only if all others are in use."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._free: list[T] = []
        self._lock = Lock()

    @contextmanager
    def lend(self) -> Iterator[T]:
        """An object that no other thread uses within the block. It is dropped if the block raises."""
        with self._lock:  # one thread at a time makes an object, because the first one can be expensive
            one = self._free.pop() if self._free else self._make()
        yield one
        self._free.append(one)
