"""Who learns of the progress of downloads and of remarks about them: nobody, unless `report_downloads` is in force."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass

from multibox.system.progress import Progress

OpenProgress = Callable[[str], AbstractContextManager[Progress]]
"""Called with the name of a file; the callback that it opens is called with the bytes that arrived and their total."""


def _open_nothing(name: str) -> AbstractContextManager[Progress]:
    return nullcontext(lambda done, total: None)


def _say_nothing(line: str) -> None:
    """Drop a remark."""


@dataclass(frozen=True)
class _Listeners:
    open_progress: OpenProgress = _open_nothing
    on_message: Callable[[str], object] = _say_nothing


_NOBODY = _Listeners()
_current: ContextVar[_Listeners] = ContextVar("listeners", default=_NOBODY)


@contextmanager
def report_downloads(to: OpenProgress, *, on_message: Callable[[str], object] = _say_nothing) -> Iterator[None]:
    """Report all downloads that this thread starts inside the block.

    `on_message` is called with one line about a file that cannot be verified, because nobody published its hash.
    """
    before = _current.set(_Listeners(to, on_message))
    try:
        yield
    finally:
        _current.reset(before)


def open_progress(name: str) -> AbstractContextManager[Progress]:
    """Open the callback for the download of a file."""
    return _current.get().open_progress(name)


def remark(line: str) -> None:
    """Pass on a line about a download."""
    _current.get().on_message(line)
