"""Work for the thread of a detector: the images of requests, and single calls."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multibox.detections import Detections
from multibox.images.prepare import Prepared
from multibox.service.problem import Problem


@dataclass(eq=False)
class Job:
    """One image on its way, or with `call` a function that needs the detector.

    `times` are milliseconds by stage. `result` is set at the end, to a Problem if there is no result.
    """

    source: bytes | np.ndarray
    order: "Order"
    call: Callable[[Prepared], Any] | None = None
    prepared: Prepared | None = None
    ready: float = 0.0
    times: dict[str, float] = field(default_factory=dict)
    result: "Detections | Problem | Any" = None

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.order.future.done() and time.monotonic() < self.order.deadline


class Order:
    """The jobs of one request. `future` is done when all have a result, or when nobody waits any longer."""

    def __init__(self, sources: Sequence[bytes | np.ndarray], *, seconds: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()
        self.deadline = time.monotonic() + seconds
        self.jobs = [Job(source, self) for source in sources]
        self._open = len(self.jobs)

    def finished(self, count: int) -> None:
        """Count finished jobs; called in the thread of the event loop."""
        self._open -= count
        if self._open <= 0 and not self.future.done():
            self.future.set_result(None)
