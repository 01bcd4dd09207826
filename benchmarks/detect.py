"""Detection from JPEG to boxes, one image at a time: ours with every engine and torchvision's, in one run.

    python benchmarks/detect.py --peer PYTHON_WITH_TORCHVISION --images FOLDER
                                [--model ssd300_vgg16|ssdlite320_mobilenet_v3_large] [--candidates 500] [--threads 2]
                                [--rounds 20] [--engines NAME ...] [--int8] [--json FILE]

The engine "default" is what weights get without asking: no engine and no precision are given. Both sides use the same
random weights, which the other side makes and ours imports. They are scaled so that on average as many scores pass the
threshold as asked for. Before it is timed, ours must give the same detections. In each round every engine and the other
side detect in the same image; a ratio is the median over the rounds of the other side's time divided by ours, so that
other load on the machine affects both. The other side decodes with torchvision.io. Both sides read the images from
memory.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.turns import settled
from multibox.bench.machine import ProductRates, describe_machine
from multibox.bench.peers.process import PeerProcess
from multibox.detection.detector import STAGES, Detector
from multibox.detection.engines.load import load_engine
from multibox.detection.export.calibration import calibration_images
from multibox.detection.export.openvino import export_openvino
from multibox.detections import Detections
from multibox.images.decode import read_image
from multibox.images.find import find_images
from multibox.images.write import write_image
from multibox.models.operations import count_operations
from multibox.weights.file import save_weights
from multibox.weights.origins.recognize import import_weights

ENGINES: dict[str, tuple[str | None, str | None]] = {
    f"{name} {precision}": (name, precision)
    for name in ("torch", "packed", "openvino")
    for precision in ("fp32", "bf16")
}
ENGINES["default"] = (None, None)


def detectors(arguments: argparse.Namespace, weights: Path, folder: Path) -> dict[str, Detector]:
    """Our detectors, all from one weight file."""
    model = import_weights(weights)
    own = folder / "weights.safetensors"
    save_weights(own, model)
    found = {}
    for name in arguments.engines:
        engine, precision = ENGINES[name]
        found[name] = Detector(load_engine(own, device="cpu", engine=engine, precision=precision).engine)
    if arguments.int8:
        images = calibration_images(arguments.images, input_size=model.config.input_size, limit=30)
        export_openvino(model, folder / "int8.xml", precision="int8", images=images)
        found["openvino int8"] = Detector.load(folder / "int8.xml")
    return found


def at_input_size(image: Path, model: str, folder: Path) -> Path:
    """The image at the input size, which both programs use unchanged, because they resize in different ways."""
    side = 320 if "320" in model else 300
    path = folder / "sized.jpg"
    write_image(path, cv2.resize(read_image(image), (side, side)))
    return path


def same_share(found: Detections, peer: dict[str, Any]) -> float:
    """The share of the other program's 100 best boxes that ours finds within half a pixel and 0.001 of the score."""
    boxes, scores = np.array(peer["boxes"])[:100], np.array(peer["scores"])[:100]
    near = np.abs(found.boxes[None] - boxes[:, None]).max(axis=2) < 0.5
    return float((near & (np.abs(found.scores[None] - scores[:, None]) < 1e-3)).any(axis=1).mean())


def stage_times(detector: Detector, image: bytes) -> dict[str, float]:
    """Milliseconds of every stage and of the whole."""
    _, milliseconds = detector.timed(image)
    return {**milliseconds, "whole": sum(milliseconds.values())}


def measure(ours: dict[str, Detector], peer: PeerProcess, data: list[bytes], *, rounds: int) -> dict[str, Any]:
    """Milliseconds of every stage and of the whole, by engine and round, and the machine's rates."""
    times: dict[str, list[dict[str, float]]] = {name: [] for name in ("torchvision", *ours)}
    rates = ProductRates(("fp32", "bf16"))
    for number in range(-2, rounds):
        index = number % len(data)
        spent = {"torchvision": {"whole": settled(partial(peer.ask, str(index)))}}
        spent |= {name: settled(partial(stage_times, detector, data[index])) for name, detector in ours.items()}
        rates.measure()
        for name in times if number >= 0 else ():
            times[name].append(spent[name])
    return {"times": times, "rates": rates.medians()}


def report(measured: dict[str, Any], *, operations: float) -> dict[str, Any]:
    """A table of medians in Markdown; returns all numbers."""
    times = measured["times"]
    peer = [spent["whole"] for spent in times["torchvision"]]
    rows = [f"| | {' | '.join(STAGES)} | whole, ms | quartiles | ratio | GFLOP/s |", "|---" * 9 + "|"]
    low, high = np.percentile(peer, [25, 75])
    rows.append(f"| torchvision fp32 | | | | | {median(peer):.1f} | {low:.1f} - {high:.1f} | 1 | |")
    result = {}
    for name in [name for name in times if name != "torchvision"]:
        whole = [spent["whole"] for spent in times[name]]
        stages = [median(spent[stage] for spent in times[name]) for stage in STAGES]
        ratio = median(theirs / own for theirs, own in zip(peer, whole, strict=True))
        low, high = np.percentile(whole, [25, 75])
        cells = " | ".join(f"{stage:.2f}" for stage in stages)
        rate = operations / stages[2] * 1000
        rows.append(f"| {name} | {cells} | {median(whole):.1f} | {low:.1f} - {high:.1f} | {ratio:.2f} | {rate:.0f} |")
        result[name] = {"ratio": ratio, "whole": median(whole), **dict(zip(STAGES, stages, strict=True))}
        result[name]["rate"] = rate
    print("\n".join(rows))
    rates = measured["rates"]
    print(f"\nmatrix products: fp32 {rates['fp32']:.0f}, bf16 {rates['bf16']:.0f} GFLOP/s")
    return {**measured, "torchvision": median(peer), "ours": result, "operations": operations}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer", required=True)
    parser.add_argument("--images", required=True, type=Path)
    parser.add_argument("--model", default="ssd300_vgg16")
    parser.add_argument("--candidates", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    images = list(find_images([arguments.images]).files[:10])
    with TemporaryDirectory() as folder:
        images.append(at_input_size(images[0], arguments.model, Path(folder)))
        weights = Path(folder) / f"{arguments.model}.pth"
        words = (arguments.model, weights, arguments.candidates, arguments.threads, *images)
        peer = PeerProcess(arguments.peer, Path(__file__).with_name("detect_peer.py"), words)
        data = [image.read_bytes() for image in images]
        ours = detectors(arguments, weights, Path(folder))
        operations = count_operations(import_weights(weights))
        for name, detector in ours.items():
            share = same_share(detector(data[-1]), peer.ask(f"boxes {len(data) - 1}"))
            print(f"{name}: {detector.engine.config.description}, {100 * share:.0f} % of torchvision's 100 best boxes")
        described = {name: detector.engine.config.description for name, detector in ours.items()}
        measured = measure(ours, peer, data[:-1], rounds=arguments.rounds)
        peer.close()
    print(json.dumps(describe_machine()))
    result = report(measured, operations=operations)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": describe_machine(), "engines": described, **result}))


if __name__ == "__main__":
    main()
