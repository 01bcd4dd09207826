"""Metrics in the format of Prometheus."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from multibox._version import __version__
from multibox.detections import Detections

disable_created_metrics()  # the times at which counters were made double their number and say nothing

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_IMAGES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """All metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.requests = Counter("multibox_requests", "Answered requests.", ["route", "code"], registry=registry)
        self.seconds = Histogram(
            "multibox_request_seconds", "Whole time of a request.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.images = Counter("multibox_images", "Images with a result.", ["model"], registry=registry)
        self.dropped = Counter(
            "multibox_dropped_images", "Images whose client left or whose time was over.", ["model"], registry=registry
        )
        self.detections = Counter(
            "multibox_detections", "Detections in answers, by class.", ["model", "class"], registry=registry
        )
        stages = ("decode", "queue", "network", "postprocessing")
        self.stages = {
            stage: Histogram(
                f"multibox_{stage}_seconds",
                f"Time of the stage {stage}, for an image or a batch.",
                ["model"],
                buckets=_SECONDS,
                registry=registry,
            )
            for stage in stages
        }
        self.batch = Histogram(
            "multibox_batch_images", "Images in a batch.", ["model"], buckets=_IMAGES, registry=registry
        )
        self.info = Gauge("multibox_build", "Version of multibox.", ["version"], registry=registry)
        self.info.labels(__version__).set(1)

    def of_model(self, name: str) -> "ModelMeter":
        """The metrics of one model."""
        return ModelMeter(self, name)

    def watch(self, read: Callable[[], "list[ModelState]"]) -> None:
        """Report what `read` returns at the time of each query: depth of the queues and digests."""
        self.registry.register(_Models(read))

    def text(self) -> bytes:
        """The page for Prometheus."""
        return generate_latest(self.registry)


class ModelMeter:
    """Metrics of one model, bound to its name."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self.name = name
        self.decode, self.queue, self.network, self.postprocessing = (
            histogram.labels(name) for histogram in metrics.stages.values()
        )
        self.batch, self.images = metrics.batch.labels(name), metrics.images.labels(name)
        self.dropped, self._detections = metrics.dropped.labels(name), metrics.detections

    def batch_done(self, images: int, times: Mapping[str, float]) -> None:
        """Record a batch; `times` are milliseconds."""
        self.batch.observe(images)
        self.images.inc(images)
        self.network.observe(times["network"] / 1000)
        self.postprocessing.observe(times["postprocessing"] / 1000)

    def found(self, detections: Detections) -> None:
        """Record the detections of an answer."""
        for _, _, name in detections:
            self._detections.labels(self.name, name).inc()


class ModelState:
    """What is reported of a model at the time of a query."""

    def __init__(self, name: str, *, waiting: int, digest: str, engine: str) -> None:
        self.name, self.waiting, self.digest, self.engine = name, waiting, digest, engine


class _Models(Collector):
    def __init__(self, read: Callable[[], list[ModelState]]) -> None:
        self._read = read

    def collect(self) -> "list[GaugeMetricFamily]":
        depth = GaugeMetricFamily("multibox_queue_images", "Images that wait.", labels=["model"])
        info = GaugeMetricFamily("multibox_model", "Loaded models.", labels=["model", "digest", "engine"])
        for state in self._read():
            depth.add_metric([state.name], state.waiting)
            info.add_metric([state.name, state.digest, state.engine], 1)
        return [depth, info]
