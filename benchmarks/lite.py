"""The recommended detector from JPEG to boxes with every engine, beside a YOLO of ultralytics, in one run.

    python -m benchmarks.lite --images FOLDER [--yolo PYTHON_WITH_ULTRALYTICS] [--weights lite320-animals]
                              [--yolo-model yolo11n] [--sides 320,640] [--threads 2] [--rounds 30] [--json FILE]

Ours has the weights of the package and finds what is in the images. "default" is what one gets without asking; "int8"
is calibrated on the same images. The YOLO has random weights and finds nothing, which spares it suppression;
"predict" is ultralytics' own call with PyTorch in float32, from JPEG to boxes, and "openvino" its network alone. All
take turns in every round, image by image, and all read the images from memory. Each turn begins with a rest and a call
that does not count (benchmarks/turns.py).
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks.detect import ENGINES, stage_times
from benchmarks.turns import settled
from multibox.bench.machine import ProductRates, describe_machine
from multibox.bench.peers.process import PeerProcess
from multibox.detection.detector import STAGES, Detector
from multibox.detection.engines.load import load_engine
from multibox.detection.export.calibration import calibration_images
from multibox.detection.export.openvino import export_openvino
from multibox.images.find import find_images
from multibox.models.operations import count_operations
from multibox.system.device import onednn_has_bfloat16
from multibox.weights.source import open_weights

Times = dict[str, float]


def detectors(weights: str, images: Path, folder: Path) -> dict[str, Detector]:
    """Our detectors by engine and precision, and one in 8 bits."""
    found = {}
    for name, (engine, precision) in ENGINES.items():
        if precision != "bf16" or onednn_has_bfloat16():
            found[name] = Detector(load_engine(weights, device="cpu", engine=engine, precision=precision).engine)
    model, _ = open_weights(weights)
    samples = calibration_images(images, input_size=model.config.input_size, limit=30)
    export_openvino(model, folder / "int8.xml", precision="int8", images=samples)
    return {**found, "openvino int8": Detector.load(folder / "int8.xml")}


def measure(
    ours: dict[str, Detector], peer: PeerProcess | None, data: list[bytes], *, sides: list[int], rounds: int
) -> dict[str, Any]:
    """Milliseconds by detector and round, and the machine's rates."""
    calls: dict[str, Callable[[int], Times]] = {name: partial(_ours, ours[name], data) for name in ours}
    for way in peer.described["ways"] if peer else ():
        calls |= {f"{way} {side}": partial(_theirs, peer, f"{way} {side}") for side in sides}
    times: dict[str, list[Times]] = {name: [] for name in calls}
    rates = ProductRates(("fp32", "bf16"))
    for number in range(-2, rounds):
        for name, call in calls.items():
            spent = settled(partial(call, number % len(data)))
            if number >= 0:
                times[name].append(spent)
        rates.measure()
    return {"times": times, "rates": rates.medians()}


def _ours(detector: Detector, data: list[bytes], index: int) -> Times:
    return stage_times(detector, data[index])


def _theirs(peer: PeerProcess, words: str, index: int) -> Times:
    return {"whole": peer.ask(f"{words} {index}")}


def summarize(times: dict[str, list[Times]], *, operations: float) -> dict[str, Times]:
    """Medians of every detector; `rate` is that of our network in GFLOP/s."""
    rows = {}
    for name, spent in times.items():
        rows[name] = {key: median(one[key] for one in spent) for key in spent[0]}
        rows[name]["q1"], rows[name]["q3"] = np.percentile([one["whole"] for one in spent], [25, 75]).tolist()
        if "network" in rows[name]:
            rows[name]["rate"] = 1000 * operations / rows[name]["network"]
    return rows


def report(rows: dict[str, Times], rates: dict[str, float]) -> str:
    """A table in Markdown."""
    lines = [f"| | {' | '.join(STAGES)} | whole, ms | quartiles | GFLOP/s |", "|---" * (len(STAGES) + 4) + "|"]
    for name, row in rows.items():
        cells = " | ".join(f"{row[stage]:.2f}" if stage in row else "" for stage in STAGES)
        rate = f"{row['rate']:.0f}" if "rate" in row else ""
        lines.append(f"| {name} | {cells} | {row['whole']:.2f} | {row['q1']:.1f} - {row['q3']:.1f} | {rate} |")
    return "\n".join([*lines, "", f"matrix products: fp32 {rates['fp32']:.0f}, bf16 {rates['bf16']:.0f} GFLOP/s"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--yolo")
    parser.add_argument("--weights", default="lite320-animals")
    parser.add_argument("--yolo-model", default="yolo11n")
    parser.add_argument("--sides", default="320,640")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    images = list(find_images([given.images]).files[:10])
    with TemporaryDirectory() as folder:
        peer = None
        if given.yolo:
            words = (given.yolo_model, given.threads, folder, given.sides, *images)
            settings = {"YOLO_CONFIG_DIR": folder, "YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}
            peer = PeerProcess(given.yolo, Path(__file__).with_name("yolo_peer.py"), words, environment=settings)
        ours = detectors(given.weights, given.images, Path(folder))
        sides = [int(side) for side in given.sides.split(",")]
        data = [image.read_bytes() for image in images]
        measured = measure(ours, peer, data, sides=sides, rounds=given.rounds)
        described = None if peer is None else {**peer.described, "model": given.yolo_model}
        if peer is not None:
            peer.close()
    engines = {name: detector.engine.config.description for name, detector in ours.items()}
    operations = count_operations(open_weights(given.weights)[0])
    rows = summarize(measured["times"], operations=operations)
    print(json.dumps(describe_machine()))
    print(report(rows, measured["rates"]))
    if given.json:
        result = {"machine": describe_machine(), "yolo": described, "operations": operations, "engines": engines}
        given.json.write_text(json.dumps({**result, "rows": rows, "rates": measured["rates"]}))


if __name__ == "__main__":
    main()
