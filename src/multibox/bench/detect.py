"""How fast a detector is on this machine, stage by stage, with each engine that is installed."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch

from multibox.bench.machine import machine, product_rate, resident_memory
from multibox.detection.detector import STAGES, Detector
from multibox.detection.engines.load import BACKENDS, load_backend
from multibox.images.decode import read_image
from multibox.images.prepare import resize_to_input
from multibox.models.operations import count_operations
from multibox.models.ssd import SSD
from multibox.system.progress import Progress


@dataclass(frozen=True)
class Candidate:
    """One way to run a file: an engine and, for weights, a number type."""

    source: str
    backend: str | None = None
    precision: str | None = None


def candidates(source: str, *, backend: str = "all") -> list[Candidate]:
    """What can run a file here: for weights every engine in float32 and bfloat16, for exported models every engine.

    `backend` is "all" or the name of one.
    """
    suffix = Path(source).suffix
    if suffix == ".onnx":
        names = [name for name in ("onnxruntime", "openvino") if find_spec(name)]
    elif suffix == ".xml":
        names = ["openvino"]
    else:
        names = [name for name in ("torch", "packed", "openvino") if name != "openvino" or find_spec(name)]
    wanted = names if backend == "all" else [backend]
    assert backend == "all" or backend in BACKENDS
    if suffix in (".onnx", ".xml"):
        return [Candidate(source, name) for name in wanted]
    return [Candidate(source, name, precision) for name in wanted for precision in ("float32", "bfloat16")]


class Entry:
    """One candidate, loaded and warm, and what was measured of it: milliseconds an image, by size of the batch."""

    def __init__(self, candidate: Candidate, images: Sequence[Any], *, batches: Sequence[int]) -> None:
        before = resident_memory()
        start = perf_counter()
        backend, self.info = load_backend(
            candidate.source, device="cpu", backend=candidate.backend, precision=candidate.precision
        )
        self.candidate, self.detector = candidate, Detector(backend)
        self.batches: dict[int, list[dict[str, float]]] = {size: [] for size in batches}
        for size in batches:
            self.measure(images, size=size)
            self.batches[size].clear()
        self.seconds_to_ready = perf_counter() - start
        self.memory = resident_memory() - before

    def measure(self, images: Sequence[Any], *, size: int) -> None:
        """Time one batch, first stage by stage, then as a user calls it, with decoding beside the network."""
        times = stage_times(self.detector, images[:size])
        start = perf_counter()
        self.detector(list(images[:size]), batch_size=size)
        times["call"] = 1000 * (perf_counter() - start) / size
        self.batches[size].append(times)

    def to_json(self) -> dict[str, Any]:
        operations = count_operations(_model_of(self))
        return {
            "source": self.candidate.source,
            "giga_operations_per_image": round(operations, 3),
            "engine": self.detector.engine,
            "seconds_to_ready": round(self.seconds_to_ready, 2),
            "memory_mib": round(self.memory, 1),
            "batches": {str(size): _summary(rounds, operations) for size, rounds in self.batches.items()},
        }


def stage_times(detector: Detector, images: Sequence[Any]) -> dict[str, float]:
    """Milliseconds an image of each of STAGES, one after the other, and of all as "whole"."""
    times = [perf_counter()]
    arrays = [read_image(image) for image in images]
    times.append(perf_counter())
    batch = np.stack([resize_to_input(image, detector.input_size).pixels for image in arrays])
    times.append(perf_counter())
    outputs = detector.backend.forward(batch)
    times.append(perf_counter())
    detector.backend.select(outputs)
    times.append(perf_counter())
    spans = [1000 * (end - start) / len(arrays) for start, end in pairwise(times)]
    return {**dict(zip(STAGES, spans, strict=True)), "whole": sum(spans)}


def _summary(rounds: list[dict[str, float]], operations: float) -> dict[str, Any]:
    network = median(times["network"] for times in rounds)
    stages = {name: _spread([times[name] for times in rounds]) for name in rounds[0]}
    return {"milliseconds": stages, "giga_operations_per_second": round(operations / network * 1000, 1)}


def _spread(values: list[float]) -> dict[str, float]:
    """Median and the two quartiles, of milliseconds."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": round(float(middle), 3), "q1": round(float(low), 3), "q3": round(float(high), 3)}


def bench_detect(
    wanted: Sequence[Candidate],
    *,
    images: Sequence[Any],
    batches: Sequence[int] = (1, 8),
    rounds: int = 10,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Times of all candidates, which take turns in every round, so that other load falls on all alike.

    `images` are paths or bytes; they are used again where a batch needs more. The machine's own rate in matrix
    products is taken in every round, too. Raises the errors of `load_backend` and of reading images.
    """
    needed = max(batches)
    enough = [images[i % len(images)] for i in range(needed)]
    entries = [Entry(candidate, enough, batches=batches) for candidate in wanted]
    rates: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for number in range(rounds):
        shift = number % len(images)
        turned = [*enough[shift % needed :], *enough[: shift % needed]]
        for entry in entries:
            for size in batches:
                entry.measure(turned, size=size)
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
            rates[name].append(product_rate(dtype))
        if progress is not None:
            progress(number + 1, rounds)
    return {
        "machine": machine(),
        "images": len(images),
        "rounds": rounds,
        "matrix_product_giga_operations_per_second": {name: round(median(found), 1) for name, found in rates.items()},
        "engines": [entry.to_json() for entry in entries],
    }


def _model_of(entry: Entry) -> SSD:
    """A model of the same structure, for counting."""
    backend: Any = entry.detector.backend
    with torch.random.fork_rng(devices=[]):
        return SSD(backend.config, backend.class_names)
