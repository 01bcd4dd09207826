"""How fast a detector is on this machine, stage by stage, with each installed engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import torch

from multibox.bench.machine import ProductRates, describe_machine, resident_memory, share_of_products
from multibox.bench.spread import spread
from multibox.detection.detector import Detector
from multibox.detection.engines.load import engines_for, find_engine, is_exported, load_engine
from multibox.models.config import ModelConfig
from multibox.models.operations import count_operations
from multibox.models.ssd import SSD
from multibox.system.progress import Progress
from multibox.weights.exported import Exported
from multibox.weights.source import open_weights


@dataclass(frozen=True)
class Candidate:
    """One way to run a file: an engine and, for weights, a precision."""

    source: str
    engine: str
    precision: str | None = None


def candidates(source: str, *, engine: str | None = None) -> list[Candidate]:
    """The ways to run a file on this machine: weights in every precision of an engine, exported models in their own.

    Without an `engine`, these are the ways of every installed engine that can run the file; if there is none, that of
    the usual engine, whose loading says what to install. Precisions that the processor lacks instructions for are left
    out.
    """
    able = [entry for entry in engines_for(source) if not entry.gpu_only]
    installed = [entry for entry in able if entry.installed] or able[:1]
    entries = installed if engine is None else [find_engine(engine)]
    if is_exported(source):
        return [Candidate(source, entry.name) for entry in entries]
    words = [(entry, word) for entry in entries for word in entry.precisions or (None,) if entry.computes(word)]
    return [Candidate(source, entry.name, word) for entry, word in words]


class Measurement:
    """One candidate, loaded and warmed up, and its times in milliseconds per image, by batch size."""

    def __init__(self, candidate: Candidate, images: Sequence[Any], *, batches: Sequence[int]) -> None:
        before = resident_memory()
        start = perf_counter()
        loaded = load_engine(candidate.source, device="cpu", engine=candidate.engine, precision=candidate.precision)
        self.candidate, self.detector = candidate, Detector(loaded.engine)
        self.times: dict[int, list[dict[str, float]]] = {size: [] for size in batches}
        for size in batches:
            self.measure(images, size=size)
            self.times[size].clear()
        self.seconds_to_ready = perf_counter() - start
        self.memory = max(0.0, resident_memory() - before)  # a process may also have freed memory

    def measure(self, images: Sequence[Any], *, size: int) -> None:
        """Time one batch, first stage by stage, then in a plain call, which decodes in parallel with the network."""
        _, milliseconds = self.detector.timed_batch(images[:size])
        times = {stage: spent / size for stage, spent in milliseconds.items()}
        times["whole"] = sum(times.values())
        start = perf_counter()
        self.detector(list(images[:size]), batch_size=size)
        times["call"] = 1000 * (perf_counter() - start) / size
        self.times[size].append(times)

    def to_json(self, rates: Mapping[str, float]) -> dict[str, Any]:
        """Medians and quartiles, with the operations that the network needs and shares of the machine's `rates`."""
        operations = count_operations(self._model())
        engine = self.detector.engine.config.description
        return {
            "source": self.candidate.source,
            "giga_operations_per_image": round(operations, 3),
            "engine": engine,
            "seconds_to_ready": round(self.seconds_to_ready, 2),
            "memory_mib": round(self.memory, 1),
            "batches": {str(size): _summary(rows, operations, engine, rates) for size, rows in self.times.items()},
        }

    def _model(self) -> SSD:
        """A model with the same structure, for counting operations. A file of another program is imported for it."""
        config = self.detector.engine.config
        exported: Exported | None = getattr(self.detector.engine, "exported", None)
        numbers = config.model if exported is None else exported.model_config()
        if not isinstance(numbers, ModelConfig):
            return open_weights(self.candidate.source)[0]
        with torch.random.fork_rng(devices=[]):
            return SSD(numbers, config.class_names)


def _summary(
    rows: list[dict[str, float]], operations: float, engine: str, rates: Mapping[str, float]
) -> dict[str, Any]:
    rate = operations / median(times["network"] for times in rows) * 1000
    stages = {name: spread([times[name] for times in rows]) for name in rows[0]}
    share = share_of_products(rate, computes=engine, rates=rates)
    return {"milliseconds": stages, "giga_operations_per_second": round(rate, 1), "share_of_matrix_product": share}


def bench_detect(
    wanted: Sequence[Candidate],
    *,
    images: Sequence[Any],
    batches: Sequence[int] = (1, 8),
    rounds: int = 10,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Times of all candidates. They take turns in every round, so that other load affects all alike.

    `images` are paths or bytes; they are repeated if a batch needs more. The machine's rate in matrix products is
    measured in every round too. Raises the errors of `load_engine` and of reading images.
    """
    needed = max(batches)
    enough = [images[i % len(images)] for i in range(needed)]
    measurements = [Measurement(candidate, enough, batches=batches) for candidate in wanted]
    rates = ProductRates(("fp32", "bf16"))
    for number in range(rounds):
        shift = number % len(images) % needed
        turned = [*enough[shift:], *enough[:shift]]
        for measurement in measurements:
            for size in batches:
                measurement.measure(turned, size=size)
        rates.measure()
        if progress is not None:
            progress(number + 1, rounds)
    return {
        "machine": describe_machine(),
        "images": len(images),
        "rounds": rounds,
        "matrix_product_giga_operations_per_second": rates.medians(),
        "engines": [measurement.to_json(rates.medians()) for measurement in measurements],
    }
