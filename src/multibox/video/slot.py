"""A place for one item: the newest one replaces an older one that nobody took."""

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class NewestSlot(Generic[T]):
    """Hands items from one thread to another; `dropped` counts those that were replaced before they were taken."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._item: T | None = None
        self._closed = False
        self.dropped = 0

    def put(self, item: T) -> None:
        """Put the newest item, in place of one that still waits."""
        with self._changed:
            self.dropped += self._item is not None
            self._item = item
            self._changed.notify()

    def close(self) -> None:
        """Let `take` return None from now on, after the last item."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    @property
    def closed(self) -> bool:
        """Whether no further item can come and none waits."""
        with self._changed:
            return self._closed and self._item is None

    def take(self, *, timeout: float) -> T | None:
        """The newest item, waiting up to `timeout` seconds for one; None if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout)
            item, self._item = self._item, None
            return item
