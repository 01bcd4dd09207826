"""Table 7 of the paper on this machine: images per second, boxes, input, time of suppression, share of the base."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn

from multibox.bench.lifelike import Outputs, count_candidates, lifelike_outputs
from multibox.bench.machine import ProductRates, describe_machine, device_name
from multibox.detection.engines.packed import PackedEngine
from multibox.detection.engines.torch import TorchEngine
from multibox.images.decode import read_image
from multibox.images.prepare import resize_to_input
from multibox.models.operations import count_operations
from multibox.models.ssd import SSD, ssd300, ssd512, ssdlite320
from multibox.system.clock import Clock
from multibox.system.device import choose_device, computes_bfloat16
from multibox.system.progress import Progress
from multibox.weights.source import open_weights

_MODELS = {"ssd300": ssd300, "ssd512": ssd512, "ssdlite320": ssdlite320}
_CLASSES = 20
_STAGES = ("input", "base", "added", "nms")


@dataclass(frozen=True)
class TimedModel:
    """One model, ready to run. `outputs` replace the network's own if its weights are random."""

    source: str
    model: SSD
    engine: PackedEngine | TorchEngine
    images: UInt8[np.ndarray, "b h w 3"]
    outputs: Outputs | None


def bench_table7(
    *,
    weights: Sequence[str] = (),
    images: Sequence[Any] = (),
    batches: Sequence[int] = (1, 8),
    device: str | None = None,
    precision: str | None = None,
    candidates: int = 500,
    rounds: int = 5,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Frames per second and their stages for SSD300, SSD512 and SSDLite320, or for the detectors in `weights`.

    A frame starts as pixels of the network's input size in memory and ends as boxes in memory: decoding and resizing do
    not count. The three networks have random weights and 20 classes; they postprocess synthetic outputs with
    `candidates` scores per image above the threshold. Detectors from `weights` get `images` (paths or bytes) and
    postprocess their own outputs. PyTorch computes, on a CPU with folded and packed weights; the default `precision` is
    "bf16" if the device has instructions for it. All models take turns in every round. Raises the errors of opening
    weights and reading images.
    """
    target = choose_device(device)
    word = precision or ("bf16" if computes_bfloat16(target) else "fp32")
    largest = max(batches)
    if weights:
        rows = [_trained(source, target, word, images, largest) for source in weights]
    else:
        rows = [random_model(name, target, word, candidates, largest) for name in _MODELS]
    times, rates = _measure(rows, batches, word, device=target, rounds=rounds, progress=progress)
    return {
        "machine": describe_machine(),
        "device": f"{target}, {device_name(target)}",
        "engine": rows[0].engine.config.description,
        "precision": word,
        "rounds": rounds,
        "matrix_product_giga_operations_per_second": rates.medians()[word],
        "rows": [_to_json(row, {size: times[at, size] for size in batches}) for at, row in enumerate(rows)],
    }


def _measure(
    rows: Sequence[TimedModel],
    batches: Sequence[int],
    precision: str,
    *,
    device: torch.device,
    rounds: int,
    progress: Progress | None,
) -> tuple[dict[tuple[int, int], list[dict[str, float]]], ProductRates]:
    """Times by (row, batch size), in rounds after one that warms up, and rates of matrix products."""
    times: dict[tuple[int, int], list[dict[str, float]]] = {}
    rates = ProductRates((precision,), device=device)
    for number in range(-1, rounds):
        for at, row in enumerate(rows):
            for size in batches:
                spent = frame_times(row, size, device)
                if number >= 0:
                    times.setdefault((at, size), []).append(spent)
        if number >= 0:
            rates.measure()
            if progress is not None:
                progress(number + 1, rounds)
    return times, rates


def random_model(name: str, device: torch.device, precision: str, candidates: int, images: int) -> TimedModel:
    """ "ssd300", "ssd512" or "ssdlite320" with random weights, and synthetic outputs to postprocess."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = _MODELS[name]([f"class {number}" for number in range(1, _CLASSES + 1)])
    generator = torch.Generator().manual_seed(0)
    outputs = lifelike_outputs(
        model.config, classes=_CLASSES, images=images, candidates=candidates, generator=generator
    )
    noise = np.random.default_rng(0).integers(0, 256, (images, *model.config.input_size, 3), dtype=np.uint8)
    engine = _engine(model, device, precision)
    return TimedModel("random weights", model, engine, noise, Outputs(*(part.to(device) for part in outputs)))


def _trained(source: str, device: torch.device, precision: str, images: Sequence[Any], count: int) -> TimedModel:
    model, _ = open_weights(source)
    engine = _engine(model, device, precision)
    arrays = [read_image(images[number % len(images)]) for number in range(count)]
    batch = np.stack([resize_to_input(image, model.config.input_size).pixels for image in arrays])
    return TimedModel(str(source), model, engine, batch, None)


def _engine(model: SSD, device: torch.device, precision: str) -> PackedEngine | TorchEngine:
    if device.type == "cpu":
        return PackedEngine(model, precision=precision)
    return TorchEngine(model.to(device), precision=precision)


def frame_times(row: TimedModel, size: int, device: torch.device) -> dict[str, float]:
    """Milliseconds per image of the stages of one batch."""
    clock = Clock(device)
    with _marking(_network(row).base, clock):
        outputs = row.engine.forward(row.images[:size])
    clock.mark("added")
    if row.outputs is not None:
        outputs = row.outputs.offsets[:size], row.outputs.logits[:size]
    row.engine.postprocess(outputs)
    clock.mark("nms")
    return {name: spent / size for name, spent in clock.milliseconds().items()}


def _network(row: TimedModel) -> Any:
    return row.engine.network if isinstance(row.engine, PackedEngine) else row.engine.model


@contextmanager
def _marking(base: nn.Module, clock: Clock) -> Iterator[None]:
    """Mark the start of the base network, when the input is ready, and its end."""
    before = base.register_forward_pre_hook(lambda layer, inputs: clock.mark("input"))
    after = base.register_forward_hook(lambda layer, inputs, output: clock.mark("base"))
    try:
        yield
    finally:
        before.remove()
        after.remove()


def _to_json(row: TimedModel, times: dict[int, list[dict[str, float]]]) -> dict[str, Any]:
    config = row.model.config
    logits = row.outputs.logits if row.outputs else row.engine.forward(row.images)[1]
    candidates = count_candidates(
        logits, threshold=config.detection.score_threshold, score_function=config.score_function
    )
    return {
        "model": config.name,
        "weights": row.source,
        "input_size": list(config.input_size),
        "boxes": config.priors.count,
        "classes": len(row.model.class_names),
        "giga_operations_per_image": round(count_operations(row.model), 3),
        "candidates_per_image": round(candidates, 1),
        "batches": {str(size): _summary(found) for size, found in times.items()},
    }


def _summary(times: list[dict[str, float]]) -> dict[str, Any]:
    whole = median(sum(spent.values()) for spent in times)
    parts = {name: round(median(spent[name] for spent in times), 3) for name in _STAGES}
    share = median(spent["base"] / (sum(spent.values()) - spent["nms"]) for spent in times)
    return {
        "fps": round(1000 / whole, 2),
        "milliseconds_per_image": {**parts, "whole": round(whole, 3)},
        "share_of_base": round(share, 4),
    }
