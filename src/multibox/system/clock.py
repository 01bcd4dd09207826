"""Time of consecutive stages, on processors and on devices that compute asynchronously."""

import time
from itertools import pairwise

import torch

_CPU = torch.device("cpu")


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all work in its queue."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class Clock:
    """Measures consecutive stages; the first one starts when the clock is made.

    On CUDA the marks are events in the device's own queue, so that measuring does not make the program wait: the time
    between two marks includes the work of the stage and any time in which the device was idle.
    """

    def __init__(self, device: torch.device = _CPU) -> None:
        self._device = device
        self._names: list[str] = []
        self._marks: list[float | torch.cuda.Event] = [self._now()]

    def mark(self, name: str) -> None:
        """End the stage with this name and start the next one."""
        self._names.append(name)
        self._marks.append(self._now())

    def milliseconds(self) -> dict[str, float]:
        """Time of each stage; stages with the same name are added up."""
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
