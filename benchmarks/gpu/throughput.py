"""Training throughput: parts of a step, the loop from JPEG files, the loader alone, and torchvision's step.

If the step's name is "compiled", only the compiled network is measured.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice

import torch

from benchmarks.gpu import ours, peer
from benchmarks.gpu.setting import Setting, read_setting
from benchmarks.gpu.timing import milliseconds, product_teraflops
from benchmarks.rows import Row
from multibox.bench.train import bench_train
from multibox.data.dataset import Dataset
from multibox.models.config import ModelConfig, lite_config, slim300_config, ssd300_config
from multibox.models.operations import count_training_operations
from multibox.models.ssd import SSD


class Case:
    """One network and its batch size."""

    def __init__(self, setting: Setting, name: str, config: ModelConfig, *, batch: int, dataset: Dataset) -> None:
        self.setting, self.name, self.batch, self.dataset = setting, name, batch, dataset
        self.config = config
        self.steps = 2 if setting.smoke else 10
        self.operations = count_training_operations(SSD(config, dataset.class_names)) / 1000

    def row(self, variant: str, images_per_second: float) -> Row:
        return {
            "model": self.name,
            "variant": variant,
            "batch": self.batch,
            "images_per_second": round(images_per_second, 1),
            "tflops": round(self.operations * images_per_second, 3),
        }

    def measure(self, variant: str, task: Callable[[], Row]) -> None:
        self.setting.rows.measure(f"{self.name} b{self.batch} {variant}", task)


def parts(case: Case, *, precision: str, compile: bool = False) -> Row:
    """The parts of a step in memory and with the loader."""
    run = ours.make_run(
        case.config,
        case.dataset.class_names,
        batch=case.batch,
        precision=precision,
        device=case.setting.device,
        compile=compile,
    )
    found = bench_train(
        run,
        lambda workers: ours.stream(case.dataset, case.config, batch=case.batch, workers=workers),
        steps=case.steps,
        workers=case.setting.workers,
    )
    row = case.row(f"parts {precision}", found["in_memory"]["images_per_second"])
    device = case.setting.rows.find("device") or {}
    rate = device.get(f"{precision}_tflops")
    return {
        **row,
        "share_of_rate": round(row["tflops"] / rate, 4) if rate else None,
        "with_loader": found["with_loader"]["images_per_second"],
        "share_of_loading": found["with_loader"]["shares"]["load"],
        "peak_memory_mib": found["peak_memory_mib"],
        "in_memory": found["in_memory"],
        "from_files": found["with_loader"],
        "rates": found["matrix_product_giga_operations_per_second"],
    }


def tuned(case: Case) -> Row:
    """The parts with cuDNN's search for the fastest algorithm of each layer."""
    torch.backends.cudnn.benchmark = True
    try:
        return parts(case, precision=ours.BF16)
    finally:
        torch.backends.cudnn.benchmark = False


def loader(case: Case) -> Row:
    """Samples per second of the worker processes alone."""
    workers = case.setting.workers
    batches = ours.stream(case.dataset, case.config, batch=case.batch, workers=workers)
    for _ in islice(batches, 2 * workers + 1):
        pass
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < (0.01 if case.setting.smoke else 2.0):
        next(batches)
        count += case.batch
    return case.row(f"loader, {workers} workers", count / (time.perf_counter() - start))


def torchvision_step(case: Case, *, dtype: torch.dtype) -> Row:
    """Its model's step with SGD on a batch that is on the device."""
    device = case.setting.device
    (batch,) = ours.held(case.dataset, case.config, batch=case.batch, count=1)
    images, targets = peer.as_training(batch.to(device))
    kept = [bool(len(target["labels"])) for target in targets]
    given = (
        [x for x, keep in zip(images, kept, strict=True) if keep],
        [x for x, keep in zip(targets, kept, strict=True) if keep],
    )
    model = peer.make_model(classes=len(case.dataset.class_names)).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimizer.zero_grad()
        peer.training_loss(model, given, dtype=dtype).backward()
        optimizer.step()

    spent = milliseconds(step, device, seconds=2 if device.type == "cuda" else 0.0)
    return {**case.row(f"torchvision {dtype}", 1000 * len(given[0]) / spent), "batch": len(given[0])}


def measure(case: Case, *, with_torchvision: bool) -> None:
    """All rows of a case except those of the compiled network."""
    case.measure("parts bf16", lambda: parts(case, precision=ours.BF16))
    case.measure("parts bf16 tuned", lambda: tuned(case))
    case.measure("loader", lambda: loader(case))
    if with_torchvision and peer.is_installed():
        case.measure("torchvision bf16", lambda: torchvision_step(case, dtype=torch.bfloat16))
        case.measure("torchvision fp32", lambda: torchvision_step(case, dtype=torch.float32))
    if not case.setting.smoke:
        case.measure("parts fp32", lambda: parts(case, precision=ours.FP32))


def cases(setting: Setting) -> list[Case]:
    """SSD300 in batches of 32 as in the paper and of 128, and the network of the recipe lite320 in batches of 64."""
    dataset = ours.animals(setting.data, "trainval")
    make = partial(Case, setting, dataset=dataset)
    if setting.smoke:
        return [make("ssd300", slim300_config(width=1 / 32), batch=2)]
    lite = replace(lite_config(side=320), name="lite320")
    return [
        make("ssd300", ssd300_config(), batch=32),
        make("ssd300", ssd300_config(), batch=128),
        make("lite320", lite, batch=64),
    ]


def _rates(setting: Setting) -> Row:
    size = 256 if setting.smoke else 8192
    rate = partial(product_teraflops, device=setting.device, seconds=setting.seconds, size=size)
    return {"variant": "random matrices", "bf16_tflops": rate(torch.bfloat16), "fp32_tflops": rate(torch.float32)}


def main() -> None:
    setting = read_setting("throughput")
    setting.rows.measure("device", lambda: _rates(setting))
    for number, case in enumerate(cases(setting)):
        measure(case, with_torchvision=number == 0)


if __name__ == "__main__":
    main()
