"""Time of consecutive stages, on processors and on devices that compute asynchronously."""

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Optional, Union

if TYPE_CHECKING:
    import torch


def synchronize(device: "torch.device") -> None:
    """Wait until the device has finished all work in its queue."""
    if device.type == "cpu":
        return
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class Clock:
    """Measures consecutive stages, by default on the CPU; the first one starts when the clock is made.

    On CUDA the marks are events in the device's own queue, so that measuring does not make the program wait: the time
    between two marks includes the work of the stage and any time in which the device was idle.
    """

    def __init__(self, device: Optional["torch.device"] = None) -> None:
        self._device = device
        self._names: list[str] = []
        self._marks: list[float | torch.cuda.Event] = [self._now()]

    def mark(self, name: str) -> None:
        """End the stage with this name and start the next one."""
        self._names.append(name)
        self._marks.append(self._now())

    def milliseconds(self) -> dict[str, float]:
        """Time of each stage; stages with the same name are added up."""
        if self._device is not None:
            synchronize(self._device)
        times = dict.fromkeys(self._names, 0.0)
        for name, (start, end) in zip(self._names, pairwise(self._marks), strict=True):
            times[name] += _between(start, end)
        return times

    def _now(self) -> Union[float, "torch.cuda.Event"]:
        if self._device is None:
            return time.perf_counter()
        if self._device.type == "cuda":
            import torch

            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self._device))
            return event
        synchronize(self._device)
        return time.perf_counter()


def _between(start: Union[float, "torch.cuda.Event"], end: Union[float, "torch.cuda.Event"]) -> float:
    if isinstance(start, float) and isinstance(end, float):
        return 1000 * (end - start)
    assert not isinstance(start, float)
    assert not isinstance(end, float)
    return start.elapsed_time(end)
