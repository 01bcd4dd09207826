"""Operations, parameters and speed of SSD on every base network, against one of them in the same run.

    python benchmarks/bases.py [--size 320] [--classes 20] [--threads 1] [--rounds 15] [--bases NAME ...]
                               [--reference efficientnet_lite0] [--engines torch openvino int8] [--json FILE]

Random weights. Times are those of the network alone, for one image, in PyTorch with packed weights (float32), in
OpenVINO (float32) and in OpenVINO with 8-bit integers, whose scales come from noise. In each round the network and the
reference run one after the other; a ratio is the median over the rounds of the network's processor time, summed over
the threads of the process, divided by the reference's. Other load on the machine hardly affects processor time.
Nothing is written unless a file is named.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from multibox.bench.machine import describe_machine
from multibox.detection.engines.engine import Engine
from multibox.detection.engines.load import load_engine
from multibox.detection.engines.packed import PackedEngine
from multibox.detection.export.openvino import export_openvino
from multibox.models.any_size import ssd
from multibox.models.bases.known import NAMED
from multibox.models.operations import count_operations
from multibox.models.ssd import SSD

CALIBRATION = 4


def in_torch(model: SSD, _folder: Path) -> Engine:
    return PackedEngine(model)


def in_openvino(model: SSD, folder: Path) -> Engine:
    export_openvino(model, folder / "fp32.xml", end="raw")
    return load_engine(folder / "fp32.xml").engine


def in_int8(model: SSD, folder: Path) -> Engine:
    noise = np.random.default_rng(0).integers(0, 256, (CALIBRATION, *model.config.input_size, 3), dtype=np.uint8)
    export_openvino(model, folder / "int8.xml", end="raw", precision="int8", images=list(noise))
    return load_engine(folder / "int8.xml").engine


ENGINES: dict[str, Callable[[SSD, Path], Engine]] = {"torch": in_torch, "openvino": in_openvino, "int8": in_int8}


def build(name: str, *, size: int, classes: int) -> SSD:
    torch.manual_seed(0)
    return ssd([f"class {i}" for i in range(classes)], base=name, size=size).eval()


def seconds(engine: Engine, batch: np.ndarray) -> float:
    """Processor time of one forward pass."""
    start = time.process_time()
    engine.forward(batch)
    return time.process_time() - start


def compare(engine: Engine, reference: Engine, batch: np.ndarray, *, rounds: int) -> tuple[float, float]:
    """The median ratio, and the median of the reference in milliseconds; the first two rounds do not count."""
    pairs = [(seconds(reference, batch), seconds(engine, batch)) for _ in range(rounds + 2)][2:]
    return median(own / theirs for theirs, own in pairs), 1000 * median(theirs for theirs, _ in pairs)


def rows(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    batch = np.random.default_rng(1).integers(0, 256, (1, arguments.size, arguments.size, 3), dtype=np.uint8)
    with TemporaryDirectory() as folder:
        base = build(arguments.reference, size=arguments.size, classes=arguments.classes)
        (Path(folder) / "reference").mkdir()
        references = {name: ENGINES[name](base, Path(folder) / "reference") for name in arguments.engines}
        for name in arguments.bases or NAMED:
            model = build(name, size=arguments.size, classes=arguments.classes)
            row: dict[str, Any] = {
                "base": name,
                "parameters": sum(parameter.numel() for parameter in model.parameters()),
                "base_parameters": sum(parameter.numel() for parameter in model.base.parameters()),
                "operations": count_operations(model),
            }
            home = Path(folder) / name
            home.mkdir()
            for kind in arguments.engines:
                engine = ENGINES[kind](model, home)
                row[kind], row[f"{kind}_reference_ms"] = compare(
                    engine, references[kind], batch, rounds=arguments.rounds
                )
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--bases", nargs="*", choices=NAMED)
    parser.add_argument("--reference", choices=NAMED, default="efficientnet_lite0")
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps(describe_machine()))
    print(f"| base | GFLOP | parameters, M | {' | '.join(arguments.engines)} |")
    print("|---" * (3 + len(arguments.engines)) + "|")
    found = []
    for row in rows(arguments):
        found.append(row)
        ratios = " | ".join(f"{row[kind]:.2f}" for kind in arguments.engines)
        print(f"| {row['base']} | {row['operations']:.2f} | {row['parameters'] / 1e6:.2f} | {ratios} |", flush=True)
    for kind in arguments.engines:
        milliseconds = median(row[f"{kind}_reference_ms"] for row in found)
        print(f"{arguments.reference} in {kind}: {milliseconds:.1f} ms")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": describe_machine(), "rows": found}, indent=1))


if __name__ == "__main__":
    main()
