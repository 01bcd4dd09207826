"""A model of the service: its file, the detector that was loaded from it, and a new one when the file was replaced."""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.detection.detector import Detector
from multibox.detection.digest import weights_digest
from multibox.drawing.colors import class_color
from multibox.errors import UsageError
from multibox.service.batching import Worker
from multibox.service.metrics import Metrics, ModelState
from multibox.service.settings import ServiceSettings
from multibox.service.warm_up import warm_up
from multibox.weights.registry.fetch import published

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class EngineChoices:
    """What runs the networks, as `Detector.load` takes it."""

    device: str | None = None
    precision: str | None = None
    engine: str | None = None


@dataclass(frozen=True)
class Loaded:
    """A detector with its running thread, and the SHA-256 of its file."""

    worker: Worker
    digest: str


class HostedModel:
    """One name of the service. `load` takes seconds and may run in any thread; `replace` is for the event loop."""

    def __init__(
        self,
        name: str,
        source: str,
        *,
        choices: EngineChoices,
        settings: ServiceSettings,
        pool: Executor,
        metrics: Metrics,
    ) -> None:
        self.name, self.source = name, source
        self._choices, self._settings, self._pool = choices, settings, pool
        self.meter = metrics.of_model(name)
        self.loaded: Loaded | None = None

    def load(self) -> Loaded:
        """Load the file, and measure which batch is fastest. Raises the errors of `Detector.load`."""
        digest = weights_digest(self.source)
        choices = self._choices
        detector = Detector.load(self.source, device=choices.device, precision=choices.precision, engine=choices.engine)
        batch = warm_up(detector, most=self._settings.batch)
        worker = Worker(detector, batch=batch, settings=self._settings, pool=self._pool, meter=self.meter)
        worker.start()
        return Loaded(worker, digest)

    def replace(self, loaded: Loaded) -> None:
        """Send new requests to a new detector; the old one finishes those that it has."""
        before, self.loaded = self.loaded, loaded
        if before is not None:
            before.worker.finish()

    def state(self) -> ModelState | None:
        """For the metrics; None before the model is loaded."""
        if self.loaded is None:
            return None
        worker = self.loaded.worker
        description = worker.detector.engine.config.description
        return ModelState(self.name, waiting=worker.waiting, digest=self.loaded.digest, engine=description)

    def facts(self) -> dict[str, Any]:
        """What a client may know: classes with their colors, engine, input, and where the weights come from."""
        assert self.loaded is not None
        detector = self.loaded.worker.detector
        config = detector.engine.config
        entry = published(self.source)
        about = {} if entry is None else {"about": entry.about, "license": entry.license, "score": entry.score}
        return {
            "name": self.name,
            "digest": self.loaded.digest,
            "engine": config.description,
            "network": config.network,
            "input": {"width": config.input_size.width, "height": config.input_size.height},
            "priors": config.model.priors.count,
            "batch": self.loaded.worker.batch,
            "classes": [
                {"label": label, "name": name, "color": "#{:02x}{:02x}{:02x}".format(*class_color(label))}
                for label, name in enumerate(detector.class_names)
            ],
            "info": _short_info(detector.info) | about,
        }


def _short_info(info: dict[str, Any]) -> dict[str, Any]:
    """The texts and numbers in the description of a weight file; recipes are left out, for they are long."""
    return {key: value for key, value in info.items() if isinstance(value, str | int | float)}


def named_sources(words: Sequence[str]) -> dict[str, str]:
    """Sources by name from words such as `cells=runs/best.safetensors`; without a name, the stem of the file.

    Raises UsageError for a name with other characters than letters, digits, dots, hyphens and underscores, and for a
    name that is given twice.
    """
    sources: dict[str, str] = {}
    for word in words:
        name, given, source = word.partition("=")
        if not given or Path(word).exists():
            name, source = _name_of(word), word
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be the name of a model: use up to 64 letters, digits, dots, hyphens and underscores, "
                f"as in animals={source}"
            )
        if name in sources:
            raise UsageError(f"two models are named {name!r}: give them names, as in first={source}")
        sources[name] = source
    return sources


def _name_of(source: str) -> str:
    return source if published(source) is not None else Path(source).stem
