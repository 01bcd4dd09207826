"""One training step, ours and torchvision's, in one run.

    python benchmarks/train.py --peer PYTHON_WITH_TORCHVISION --data FOLDER [--split NAME] [--batch 8] [--threads 2]
                               [--model ssd300_vgg16|ssdlite320_mobilenet_v3_large] [--precisions fp32 bf16 auto]
                               [--rounds 5] [--json FILE]

Both sides train the same kind of network with SGD on the same samples in memory, each with its own matching, mining and
loss. In each round every side takes one step; a ratio is the median over the rounds of the other side's time divided by
ours, so that other load on the machine affects both. Processor time is reported too: with one thread it is the time
that the step needs, independent of other load.
"""

import argparse
import json
import time
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from multibox.bench.machine import ProductRates, describe_machine
from multibox.bench.peers.process import PeerProcess
from multibox.bench.train import PARTS, timed_matching, timed_step
from multibox.data.augmentation.augmentation import find_augmentation
from multibox.data.load import load_dataset
from multibox.data.loading.batch import Batch
from multibox.data.loading.loader import batches
from multibox.loss import LossConfig
from multibox.models.config import ModelConfig, ssd300_config, ssdlite320_config
from multibox.models.operations import count_training_operations
from multibox.models.ssd import SSD
from multibox.system.precision import WORDS
from multibox.system.process import keep_freed_memory
from multibox.training.network import TrainingPrecision
from multibox.training.optimizer import OptimizerConfig, Schedule, set_rate
from multibox.training.run import LoopConfig, Run

MODELS = {"ssd300_vgg16": ssd300_config, "ssdlite320_mobilenet_v3_large": ssdlite320_config}
SCRIPT = Path(__file__).with_name("train_peer.py")
HELD = 2
WARM_UP = 1
Times = dict[str, float]


def samples(arguments: argparse.Namespace, config: ModelConfig) -> tuple[list[Batch], tuple[str, ...]]:
    """Batches of training samples and the names of the classes."""
    dataset = load_dataset(arguments.data, split=arguments.split)
    stream = batches(
        dataset,
        augmentation=find_augmentation("caffe"),
        input_size=config.input_size,
        batch_size=arguments.batch,
        seed=0,
    )
    return list(islice(stream, HELD)), dataset.class_names


def as_the_peer_wants(batch: Batch) -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    """Images as floats up to 1, boxes in pixels, labels from 1."""
    height, width = batch.images.shape[2:]
    scale = torch.tensor([width, height, width, height], dtype=torch.float32)
    images = [image.contiguous().float() / 255 for image in batch.images]
    rows = zip(batch.boxes, batch.labels, batch.valid, strict=True)
    return images, [{"boxes": boxes[valid] * scale, "labels": labels[valid] + 1} for boxes, labels, valid in rows]


def our_run(config: ModelConfig, class_names: tuple[str, ...], *, batch: int, precision: TrainingPrecision) -> Run:
    run = Run(
        SSD(config, class_names),
        loop=LoopConfig(batch_size=batch, precision=precision),
        optimizer=OptimizerConfig(),
        schedule=Schedule(1),
        loss=LossConfig(),
    )
    run.model.train()
    set_rate(run.optimizer, 0.0)
    return run


def our_step(run: Run, batch: Batch) -> Times:
    """Milliseconds of the parts and of the step, on the clock and of the processor."""
    stream: Iterator[Batch] = repeat(batch)
    begin = time.process_time()
    parts = timed_step(run, run.model, stream)
    processor = 1000 * (time.process_time() - begin)
    return {**parts, **timed_matching(run, batch), "step": sum(parts.values()), "processor": processor}


def measure(runs: dict[str, Run], peer: PeerProcess, held: list[Batch], *, rounds: int) -> dict[str, Any]:
    """Times of both programs by round, and the machine's rates in matrix products."""
    theirs: list[dict[str, list[float]]] = []
    ours: dict[str, list[Times]] = {name: [] for name in runs}
    rates = ProductRates(("fp32", "bf16"))
    for number in range(-WARM_UP, rounds):
        batch = held[number % len(held)]
        spent = peer.ask(str(number % len(held))), {name: our_step(run, batch) for name, run in runs.items()}
        if number >= 0:
            theirs.append(spent[0])
            for name, times in spent[1].items():
                ours[name].append(times)
            rates.measure()
    return {"torchvision": theirs, "ours": ours, "rates": rates.medians()}


def report(measured: dict[str, Any], *, operations: float) -> None:
    """Tables in Markdown: steps and ratios, then parts of our step. `operations` are those of one step."""
    theirs = measured["torchvision"]
    clock, processor = (median(spent["step"][i] for spent in theirs) for i in (0, 1))
    print("| | step, ms | ratio | processor, ms | ratio | GFLOP per processor second |\n|---|---|---|---|---|---|")
    print(f"| torchvision fp32 | {clock:.0f} | 1 | {processor:.0f} | 1 | {1000 * operations / processor:.0f} |")
    for name, times in measured["ours"].items():
        step, own = (median(spent[key] for spent in times) for key in ("step", "processor"))
        pairs = list(zip(theirs, times, strict=True))
        by_clock = median(peer["step"][0] / spent["step"] for peer, spent in pairs)
        by_processor = median(peer["step"][1] / spent["processor"] for peer, spent in pairs)
        rate = 1000 * operations / own
        print(f"| ours {name} | {step:.0f} | {by_clock:.2f} | {own:.0f} | {by_processor:.2f} | {rate:.0f} |")
    rates = measured["rates"]
    print(f"\nmatrix products: fp32 {rates['fp32']:.0f}, bf16 {rates['bf16']:.0f} GFLOP/s\n")
    parts = ", ".join(f"{part} {median(s[part][1] for s in theirs):.0f}" for part in theirs[0] if part != "step")
    print(f"torchvision, ms of the processor: {parts}\n")
    for name, times in measured["ours"].items():
        whole = sum(spent["step"] for spent in times)
        cells = [
            f"{part} {100 * sum(spent[part] for spent in times) / whole:.2f} %" for part in (*PARTS, "match", "mine")
        ]
        print(f"ours {name}: {', '.join(cells)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--peer", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--split")
    parser.add_argument("--model", default="ssd300_vgg16", choices=MODELS)
    parser.add_argument("--precisions", nargs="+", default=["fp32"], choices=("fp32", "bf16", "auto"))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = MODELS[arguments.model]()
    held, class_names = samples(arguments, config)
    with TemporaryDirectory() as folder:
        torch.save([as_the_peer_wants(batch) for batch in held], Path(folder) / "batches.pt")
        words = (arguments.model, Path(folder) / "batches.pt", len(class_names) + 1, arguments.threads)
        threads = {"OMP_NUM_THREADS": str(arguments.threads)}
        peer = PeerProcess(arguments.peer, SCRIPT, words, environment=threads, patience=600)
        names = arguments.precisions
        runs = {name: our_run(config, class_names, batch=arguments.batch, precision=name) for name in names}
        before = describe_machine()
        measured = measure(runs, peer, held, rounds=arguments.rounds)
        peer.close()
    operations = count_training_operations(next(iter(runs.values())).model) * arguments.batch
    if arguments.json:
        computed = {name: WORDS[run.precision] for name, run in runs.items()}
        result = {"machine": before, "operations": operations, "computed": computed, **measured}
        arguments.json.write_text(json.dumps(result))
    print(json.dumps({"before": before, "load after": describe_machine()["load"]}))
    report(measured, operations=operations)


if __name__ == "__main__":
    main()
