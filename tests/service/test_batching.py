"""The queue and the thread of a detector: when a batch leaves, and what happens to images that cannot be processed."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future

import numpy as np
import pytest

from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.images.prepare import Prepared
from multibox.service.batching import Worker
from multibox.service.jobs import Order
from multibox.service.metrics import Metrics
from multibox.service.problem import Problem
from multibox.service.settings import ServiceSettings
from multibox.size import Size
from multibox.system.clock import Clock


class SlowDetector(Detector):
    """Finds nothing, records the size of each batch, and waits for `gate` after the warm-up."""

    input_size = Size(8, 8)

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate, self.began = threading.Event(), threading.Event()
        self.warm = False
        self.error: Exception | None = None

    def detect_batch(self, images: Sequence[Prepared], *, clock: Clock | None = None) -> list[Detections]:
        if self.warm:
            self.batches.append(len(images))
            self.began.set()
            assert self.gate.wait(10)
            if self.error is not None:
                raise self.error
        if clock is not None:
            clock.mark("network")
            clock.mark("postprocessing")
        nothing = np.zeros(0, np.float32)
        empty = Detections(np.zeros((0, 4), np.float32), nothing, np.zeros(0, np.int64), ("x",), Size(4, 4))
        return [empty for _ in images]


class Immediate(Executor):
    """Runs work where it is submitted, or later if `held`."""

    def __init__(self) -> None:
        self.held: list[Callable[[], object]] | None = None

    def submit(self, work, /, *given, **named):  # type: ignore[no-untyped-def, override]
        if self.held is not None:
            self.held.append(lambda: work(*given, **named))
        else:
            work(*given, **named)
        return Future()


class Bench:
    """A worker with its detector."""

    def __init__(self, **settings: object) -> None:
        self.detector, self.pool = SlowDetector(), Immediate()
        self.metrics = Metrics()
        chosen = ServiceSettings(**{"batch": 4, "queue": 8, "wait_ms": 50, **settings})  # type: ignore[arg-type]
        self.worker = Worker(
            self.detector, batch=chosen.batch, settings=chosen, pool=self.pool, meter=self.metrics.of_model("m")
        )
        self.worker.start()
        self.detector.warm = True

    def order(self, images: int = 1, *, seconds: float = 10) -> Order:
        order = Order([np.zeros((4, 4, 3), np.uint8)] * images, seconds=seconds)
        self.worker.admit(order)
        return order

    async def until_began(self) -> None:
        assert await asyncio.to_thread(self.detector.began.wait, 10)
        self.detector.began.clear()

    def end(self) -> None:
        self.detector.gate.set()
        self.worker.finish()
        self.worker.join()


def run(test: Callable[[Bench], "asyncio.Future[None]"], **settings: object) -> Bench:
    bench = Bench(**settings)
    try:
        asyncio.run(test(bench))  # type: ignore[arg-type]
    finally:
        bench.end()
    return bench


def test_one_image_leaves_at_once():
    """A single image with a wait of an hour: nothing else is being decoded, so it does not wait."""

    async def test(bench: Bench) -> None:
        bench.detector.gate.set()
        await asyncio.wait_for(bench.order().future, 10)

    assert run(test, wait_ms=3_600_000).detector.batches == [1]


def test_images_that_arrive_meanwhile_go_together():
    """Six images while the first one is in the network: a full batch of four, then the other two."""

    async def test(bench: Bench) -> None:
        orders = [bench.order()]
        await bench.until_began()
        orders += [bench.order() for _ in range(6)]
        bench.detector.gate.set()
        await asyncio.wait_for(asyncio.gather(*(order.future for order in orders)), 10)

    assert run(test).detector.batches == [1, 4, 2]


def test_a_batch_waits_for_an_image_that_is_being_decoded():
    """An image that is ready, and one that is decoded within the wait: they go together."""

    async def test(bench: Bench) -> None:
        bench.detector.gate.set()
        bench.pool.held = []
        second = bench.order()
        held, bench.pool.held = bench.pool.held, None
        first = bench.order()
        await asyncio.sleep(0.05)
        assert not first.future.done()
        held[0]()
        await asyncio.wait_for(asyncio.gather(first.future, second.future), 10)

    assert run(test, wait_ms=10_000).detector.batches == [2]


def test_a_batch_does_not_wait_longer_than_told():
    """An image that is ready, and one whose decoding never ends: the first one leaves alone."""

    async def test(bench: Bench) -> None:
        bench.detector.gate.set()
        bench.pool.held = []
        bench.order()
        held, bench.pool.held = bench.pool.held, None
        await asyncio.wait_for(bench.order().future, 10)
        held[0]()

    assert run(test, wait_ms=20).detector.batches == [1, 1]


def test_a_full_queue_refuses_whole_requests():
    """A queue of eight: one in the network, eight waiting, the next is told when to come back, and none is lost."""

    async def test(bench: Bench) -> None:
        orders = [bench.order()]
        await bench.until_began()
        orders += [bench.order(5), bench.order(2)]
        with pytest.raises(Problem) as refused:
            bench.order(2)
        assert (refused.value.status, refused.value.retry_after) == (503, 1)
        orders.append(bench.order(1))
        assert bench.worker.waiting == 8
        bench.detector.gate.set()
        await asyncio.wait_for(asyncio.gather(*(order.future for order in orders)), 10)
        assert bench.worker.waiting == 0

    assert sum(run(test).detector.batches) == 9


def test_images_that_nobody_waits_for_are_dropped():
    """A request whose client left and one whose time is over, behind one in the network: they never reach it."""

    async def test(bench: Bench) -> None:
        first = bench.order()
        await bench.until_began()
        left, late, last = bench.order(), bench.order(seconds=0), bench.order()
        left.future.cancel()
        bench.detector.gate.set()
        await asyncio.wait_for(asyncio.gather(first.future, last.future, late.future), 10)
        assert late.jobs[0].result is None
        assert bench.worker.waiting == 0

    bench = run(test)
    assert bench.detector.batches == [1, 1]
    assert b'multibox_dropped_images_total{model="m"} 2.0' in bench.metrics.text()


def test_a_failure_does_not_end_the_thread(caplog: pytest.LogCaptureFixture):
    """A detector that raises once: its request gets 500, the next one its result."""

    async def test(bench: Bench) -> None:
        bench.detector.error = RuntimeError("broken")
        bench.detector.gate.set()
        order = bench.order()
        await asyncio.wait_for(order.future, 10)
        assert order.jobs[0].result.status == 500
        assert "broken" not in order.jobs[0].result.message
        bench.detector.error = None
        order = bench.order()
        await asyncio.wait_for(order.future, 10)
        assert isinstance(order.jobs[0].result, Detections)

    run(test)
    assert "RuntimeError: broken" in caplog.text


def test_the_end_waits_for_everything_that_was_admitted():
    """`finish` with nine images on their way: the thread ends after the last one."""

    async def test(bench: Bench) -> None:
        orders = [bench.order()]
        await bench.until_began()
        orders.append(bench.order(8))
        bench.worker.finish()
        bench.detector.gate.set()
        await asyncio.wait_for(asyncio.gather(*(order.future for order in orders)), 10)
        await asyncio.to_thread(bench.worker.join)

    assert sum(run(test).detector.batches) == 9
