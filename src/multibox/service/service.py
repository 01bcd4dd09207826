"""What the routes of the service share: models, limits, metrics, and the way of a request through a detector."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from starlette.requests import Request

from multibox.detections import Detections
from multibox.errors import MultiboxError
from multibox.images.prepare import Prepared
from multibox.service.body import Memory
from multibox.service.hosted import EngineChoices, HostedModel
from multibox.service.jobs import Job, Order
from multibox.service.metrics import Metrics
from multibox.service.problem import ClientLeftError, Problem, busy, too_late
from multibox.service.settings import ServiceSettings
from multibox.words import listed


class Service:
    """The state of a running service. `sources` are the files or names of its models by their public names."""

    def __init__(
        self, sources: Mapping[str, str], *, settings: ServiceSettings, choices: EngineChoices | None = None
    ) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.memory = Memory(settings.memory)
        self.draining = False
        self._loading = asyncio.Lock()
        self.pool = ThreadPoolExecutor(max(2, os.cpu_count() or 1), thread_name_prefix="decode")
        self.models = {
            name: HostedModel(
                name,
                source,
                choices=choices or EngineChoices(),
                settings=settings,
                pool=self.pool,
                metrics=self.metrics,
            )
            for name, source in sources.items()
        }
        self.metrics.watch(lambda: [state for model in self.models.values() if (state := model.state())])

    @property
    def ready(self) -> bool:
        """Whether every model is loaded and the service does not end."""
        return not self.draining and all(model.loaded for model in self.models.values())

    def load(self) -> None:
        """Load all models; takes seconds. Raises the errors of `Detector.load`."""
        self.settings.apply()
        for model in self.models.values():
            model.replace(model.load())

    def close(self) -> None:
        """End all threads when the images that were admitted have their results."""
        for model in self.models.values():
            if model.loaded is not None:
                model.loaded.worker.finish()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def model(self, name: str | None) -> HostedModel:
        """The model with this name; the first one for None. Raises Problem 404 and, while models are loaded, 503."""
        if name is None:
            name = next(iter(self.models))
        if name not in self.models:
            raise Problem(404, "unknown_model", f"there is no model {name[:64]!r}: choose {listed(self.models)}")
        model = self.models[name]
        if model.loaded is None:
            raise busy("the model is being loaded: try again later", seconds=2)
        return model

    async def reload(self, model: HostedModel) -> None:
        """Load the file of a model again; requests go on. Raises Problem 422 if the file cannot be used."""
        async with self._loading:  # one after the other, because two copies take twice the memory
            try:
                loaded = await asyncio.to_thread(model.load)
            except (MultiboxError, OSError) as error:
                raise Problem(422, "bad_model", f"the model was not replaced: {error}") from None
            model.replace(loaded)

    async def detect(self, request: Request, *, model: HostedModel, sources: Sequence[bytes | np.ndarray]) -> list[Job]:
        """A finished job for each image; its `result` is Detections or a Problem.

        Raises Problem 503 if the queue is full, 504 if the time is over; ClientLeftError if the client leaves.
        """
        assert model.loaded is not None
        order = Order(sources, seconds=self.settings.timeout)
        model.loaded.worker.admit(order)
        await self._wait(request, order)
        for job in order.jobs:
            if job.result is None:
                raise too_late(self.settings.timeout)
        return order.jobs

    async def call(
        self, request: Request, *, model: HostedModel, source: bytes, work: Callable[[Prepared], Any]
    ) -> tuple[Any, Prepared]:
        """The result of a function that the thread of the detector runs on one image, and that image."""
        assert model.loaded is not None
        order = Order([source], seconds=self.settings.timeout)
        (job,) = order.jobs
        job.call = work
        model.loaded.worker.admit(order)
        await self._wait(request, order)
        if isinstance(job.result, Problem):
            raise job.result
        if job.prepared is None or job.result is None:
            raise too_late(self.settings.timeout)
        return job.result, job.prepared

    async def in_pool(self, work: Callable[[], Any]) -> Any:
        """The result of a function that a thread of the pool runs, for drawing."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)

    async def _wait(self, request: Request, order: Order) -> None:
        """Wait for a result, the end of the time, or the client's leaving."""
        left = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait((order.future, left), timeout=self.settings.timeout, return_when=asyncio.FIRST_COMPLETED)
            if order.future.done():
                return
            if left.done():
                raise ClientLeftError
            raise too_late(self.settings.timeout)
        finally:
            left.cancel()
            order.future.cancel()


async def _disconnected(request: Request) -> None:
    """Return when the client has closed its connection. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def detections_of(jobs: Sequence[Job]) -> list[Detections]:
    """The results of images. Raises the first Problem."""
    found = []
    for job in jobs:
        if isinstance(job.result, Problem):
            raise job.result
        assert isinstance(job.result, Detections)
        found.append(job.result)
    return found


def problems_or_detections(jobs: Sequence[Job]) -> "list[Detections | Problem]":
    """The results of images. Raises the Problem of the only image."""
    results = [job.result for job in jobs]
    if len(results) == 1 and isinstance(results[0], Problem):
        raise results[0]
    return results
