"""The thread that owns a detector: images wait in a bounded queue and go through the network in batches."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

import numpy as np

from multibox.detection.detector import Detector
from multibox.errors import MultiboxError
from multibox.images.prepare import Prepared, resize_to_input
from multibox.service.images import prepare
from multibox.service.jobs import Job, Order
from multibox.service.metrics import ModelMeter
from multibox.service.problem import Problem, busy
from multibox.service.settings import ServiceSettings
from multibox.system.clock import Clock

_log = logging.getLogger("multibox.service")
_SLOWEST = 60  # seconds that a client is told to wait, at most


class Worker:
    """One detector and its thread.

    `admit` accepts a request if the queue has room for its images. `pool` decodes them. Up to `batch` images go through
    the network together. A batch starts when it is full,
    when no other image is being decoded, or when its first image has waited for `wait_ms`. Images whose client
    left or whose time is over are dropped. `finish` ends the thread after the last image that was admitted.
    """

    def __init__(
        self, detector: Detector, *, batch: int, settings: ServiceSettings, pool: Executor, meter: ModelMeter
    ) -> None:
        self.detector, self.batch, self.meter = detector, batch, meter
        self._settings, self._pool = settings, pool
        self._ready: deque[Job] = deque()
        self._waiting = 0  # images that were admitted and have not reached the network
        self._finishing = False
        self._seconds_each = 0.05
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="detector", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Images in the queue, those that are being decoded included."""
        return self._waiting

    def admit(self, order: Order) -> None:
        """Take the images of a request into the queue. Raises Problem 503 if there is no room for all of them."""
        with self._changed:
            if self._waiting + len(order.jobs) > self._settings.queue:
                raise busy("the queue of the service is full: try again later", seconds=self._seconds_to_wait())
            self._waiting += len(order.jobs)
        for job in order.jobs:
            self._pool.submit(self._prepare, job)

    def finish(self) -> None:
        """End the thread when every admitted image has its result. `admit` must not be called any more."""
        with self._changed:
            self._finishing = True
            self._changed.notify()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _seconds_to_wait(self) -> int:
        return min(_SLOWEST, max(1, math.ceil(self._waiting * self._seconds_each)))

    def _prepare(self, job: Job) -> None:
        """Decode and resize an image, in a thread of the pool."""
        if not job.wanted:
            self._drop([job])
            return
        started = time.perf_counter()
        try:
            job.prepared = self._prepared(job.source)
        except Problem as problem:
            self._fail(job, problem)
            return
        except Exception:  # the request must get an answer, whatever is wrong
            _log.exception("preparing an image failed")
            self._fail(job, _internal())
            return
        job.times["decode"] = 1000 * (time.perf_counter() - started)
        self.meter.decode.observe(job.times["decode"] / 1000)
        job.ready = time.monotonic()
        with self._changed:
            self._ready.append(job)
            self._changed.notify()

    def _prepared(self, source: "bytes | np.ndarray") -> Prepared:
        if isinstance(source, np.ndarray):
            return resize_to_input(source, self.detector.input_size)
        return prepare(source, input_size=self.detector.input_size, max_pixels=self._settings.max_pixels)

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            calls = [job for job in batch if job.call is not None]
            images = [job for job in batch if job.call is None]
            for job in calls:
                self._guarded([job], self._call)
            if images:
                self._guarded(images, self._detect)

    def _next_batch(self) -> list[Job] | None:
        """Wait for the next batch; None at the end."""
        with self._changed:
            while not self._leaves():
                if self._finishing and not self._waiting:
                    return None
                self._changed.wait(self._patience())
            taken = [self._ready.popleft() for _ in range(min(len(self._ready), self.batch))]
            batch = [job for job in taken if job.wanted]
            self._waiting -= len(batch)
        late = [job for job in taken if job not in batch]
        if late:
            self._drop(late)
        return batch

    def _leaves(self) -> bool:
        ready = len(self._ready)
        if ready == 0:
            return False
        if ready >= self.batch or ready >= self._waiting:
            return True
        return time.monotonic() >= self._ready[0].ready + self._settings.wait_ms / 1000

    def _patience(self) -> float | None:
        """Seconds until the first image has waited long enough; None while there is none."""
        if not self._ready:
            return None
        return max(0.0, self._ready[0].ready + self._settings.wait_ms / 1000 - time.monotonic())

    def _guarded(self, jobs: Sequence[Job], work: Callable[[Sequence[Job]], None]) -> None:
        """Run `work`; if it raises, its jobs get the error, and the thread continues."""
        try:
            work(jobs)
        except Problem as problem:
            self._set(jobs, problem)
        except MultiboxError as error:
            self._set(jobs, Problem(422, "failed", str(error)))
        except Exception:  # a bug must not stop the service
            _log.exception("the detector failed on %d images", len(jobs))
            self._set(jobs, _internal())
        self._deliver(jobs)

    def _detect(self, jobs: Sequence[Job]) -> None:
        started, clock = time.monotonic(), Clock()
        found = self.detector.detect_batch([job.prepared for job in jobs if job.prepared], clock=clock)
        times = clock.milliseconds()
        self._seconds_each += 0.1 * (sum(times.values()) / 1000 / len(jobs) - self._seconds_each)
        for job, detections in zip(jobs, found, strict=True):
            queued = started - job.ready
            job.times |= {"queue": 1000 * queued, **times}
            job.result = detections
            self.meter.queue.observe(queued)
        self.meter.batch_done(len(jobs), times)

    def _call(self, jobs: Sequence[Job]) -> None:
        (job,) = jobs
        assert job.call is not None
        assert job.prepared is not None
        job.result = job.call(job.prepared)

    def _fail(self, job: Job, problem: Problem) -> None:
        job.result = problem
        self._leave([job])

    def _drop(self, jobs: Sequence[Job]) -> None:
        self.meter.dropped.inc(len(jobs))
        self._leave(jobs)

    def _leave(self, jobs: Sequence[Job]) -> None:
        """Take jobs out of the queue that do not reach the network."""
        with self._changed:
            self._waiting -= len(jobs)
            self._changed.notify()
        self._deliver(jobs)

    def _set(self, jobs: Sequence[Job], result: Any) -> None:
        for job in jobs:
            job.result = result

    def _deliver(self, jobs: Sequence[Job]) -> None:
        """Tell the event loop of finished jobs, all in one call."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits any longer
            jobs[0].order.loop.call_soon_threadsafe(_count, jobs)


def _count(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.order.finished(1)


def _internal() -> Problem:
    return Problem(500, "internal", "the service failed on this image; its log has the reason")
