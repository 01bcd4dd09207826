"""Who sees the progress of downloads: nobody, unless `report_downloads` is in force."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

from multibox.system.progress import Progress

OpenProgress = Callable[[str], AbstractContextManager[Progress]]
"""Called with the name of a file; the callback that it opens is called with the bytes that arrived and their total."""


def _open_nothing(name: str) -> AbstractContextManager[Progress]:
    return nullcontext(lambda done, total: None)


_current: ContextVar[OpenProgress] = ContextVar("open_progress", default=_open_nothing)


@contextmanager
def report_downloads(to: OpenProgress) -> Iterator[None]:
    """Report all downloads that this thread starts inside the block."""
    before = _current.set(to)
    try:
        yield
    finally:
        _current.reset(before)


def open_progress(name: str) -> AbstractContextManager[Progress]:
    """Open the callback for the download of a file."""
    return _current.get()(name)
