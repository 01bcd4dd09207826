"""Ending work in an orderly way on SIGINT (Ctrl-C) and SIGTERM."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Inside the block, records the first SIGINT or SIGTERM as `number`; the second has its usual effect.

    `on_message` receives `notice` when the first signal arrives, from inside the signal handler. Signal handlers can
    only be set in the main thread: in other threads the block changes nothing. Ignored signals stay ignored.
    """

    def __init__(self, *, notice: str, on_message: Callable[[str], object]) -> None:
        self.number = 0
        self._notice = notice
        self._on_message = on_message
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._record)
        return self

    def _record(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()
        self._on_message(self._notice)

    def _restore(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()
