"""Ending a run in good order when it is told to: SIGINT (Ctrl-C) and SIGTERM."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from multibox.system.launcher import place

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_NOTICE = b"\nstopping after this step; a second signal stops at once\n"


class Stopped(KeyboardInterrupt):
    """A run that a signal ended; its checkpoint of `step` is written.

    A KeyboardInterrupt, since whoever calls `train` in a loop and presses Ctrl-C means the loop.
    """

    def __init__(self, *, step: int, number: int) -> None:
        self.step, self.number = step, number
        super().__init__(f"stopped after step {step} by {signal.Signals(number).name}; go on with resume=True")


class StopRequest:
    """Within its block the first SIGINT or SIGTERM is only noted, as `number`; the second does what it did before.

    Only the main thread can do that: in any other the block changes nothing. Signals that were ignored stay ignored.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self._restore()
        if place().first:
            os.write(2, _NOTICE)

    def _restore(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()
