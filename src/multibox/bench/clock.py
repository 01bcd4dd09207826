"""Time of the parts of a computation, on processors and on devices that compute while the program goes on."""

import time
from itertools import pairwise

import torch


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all it was told to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class Clock:
    """Names the ends of parts that follow one another; the first begins where the clock is made.

    On CUDA the marks are events in the device's own queue, so that measuring does not make the program wait: the time
    between two of them holds the work of the part and whatever the device waited for it.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._names: list[str] = []
        self._marks: list[float | torch.cuda.Event] = [self._now()]

    def mark(self, name: str) -> None:
        """The part of that name ends here."""
        self._names.append(name)
        self._marks.append(self._now())

    def milliseconds(self) -> dict[str, float]:
        """Time of every part; parts of the same name are added up."""
        synchronize(self._device)
        times = dict.fromkeys(self._names, 0.0)
        for name, (start, end) in zip(self._names, pairwise(self._marks), strict=True):
            times[name] += _between(start, end)
        return times

    def _now(self) -> "float | torch.cuda.Event":
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self._device))
            return event
        synchronize(self._device)
        return time.perf_counter()


def _between(start: "float | torch.cuda.Event", end: "float | torch.cuda.Event") -> float:
    if isinstance(start, float) and isinstance(end, float):
        return 1000 * (end - start)
    assert isinstance(start, torch.cuda.Event)
    assert isinstance(end, torch.cuda.Event)
    return start.elapsed_time(end)
