"""Ending a run with a checkpoint on SIGINT (Ctrl-C) and SIGTERM."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_NOTICE = "stopping after this step; a second signal stops immediately"


class Stopped(KeyboardInterrupt):
    """Raised when a signal ended a run; the checkpoint of `step` is written.

    It is a KeyboardInterrupt, because Ctrl-C in a loop that calls `train` is meant for the loop.
    """

    def __init__(self, *, step: int, number: int) -> None:
        self.step, self.number = step, number
        super().__init__(f"stopped after step {step} by {signal.Signals(number).name}; continue with resume=True")


class StopRequest:
    """Inside the block, records the first SIGINT or SIGTERM as `number`; the second has its usual effect.

    `on_message` receives a notice when the first signal arrives, from inside the signal handler. Signal handlers can
    only be set in the main thread: in other threads the block changes nothing. Ignored signals stay ignored.
    """

    def __init__(self, *, on_message: Callable[[str], object]) -> None:
        self.number = 0
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
        self._on_message(_NOTICE)

    def _restore(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()
