"""Work of a generator in a thread of its own, a bounded number of items ahead."""

from collections.abc import Generator, Iterable
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

_PATIENCE = 0.1  # seconds between looks at whether the other side has ended


class _End:
    """The last entry of the queue, with the exception that ended the items, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterable[T], *, count: int) -> Generator[T, None, None]:
    """Yield the items; a thread makes up to `count` of them in advance. Exceptions of the items are raised here.

    When the caller closes this generator, the thread ends after the item it is making.
    """
    queue: Queue[T | _End] = Queue(max(count, 1))
    closed = Event()
    thread = Thread(target=_fill, args=(queue, items, closed), name="ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := _get(queue), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        closed.set()
        thread.join()


def _fill(queue: "Queue[T | _End]", items: Iterable[T], closed: Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            if not _put(queue, item, closed):
                break
    except BaseException as raised:
        error = raised
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
    _put(queue, _End(error), closed)


def _put(queue: "Queue[T | _End]", item: T | _End, closed: Event) -> bool:
    while not closed.is_set():
        try:
            queue.put(item, timeout=_PATIENCE)
        except Full:
            continue
        return True
    return False


def _get(queue: "Queue[T | _End]") -> T | _End:
    """Wait in short turns, because an endless wait would keep signals from the main thread on some systems."""
    while True:
        try:
            return queue.get(timeout=_PATIENCE * 10)
        except Empty:
            continue
