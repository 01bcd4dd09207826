"""Inference: networks, postprocessing, and from pixels or JPEG files to boxes, at batch 1, 8 and 64.

Random weights are scaled so that about 500 scores of an image pass the threshold; the shipped model has its own.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu import ours, peer
from benchmarks.gpu.graph import Graph, GraphDetector
from benchmarks.gpu.setting import Setting, read_setting
from benchmarks.gpu.timing import copy_gigabytes, host_waits, milliseconds, product_teraflops
from benchmarks.rows import Row
from multibox.bench.images import sample_images
from multibox.detection.detector import Detector
from multibox.detection.engines.torch import TorchEngine
from multibox.images.prepare import Prepared, prepare_ahead
from multibox.models.config import slim300_config
from multibox.models.operations import count_operations
from multibox.models.ssd import SSD, ssd300, ssd512
from multibox.weights.origins.recognize import import_weights
from multibox.weights.source import open_weights

CANDIDATES = 500
CLASSES = tuple(f"class {number}" for number in range(1, 21))


class Measured:
    """One model on the device, and the rows about it."""

    def __init__(self, setting: Setting, name: str, model: SSD, *, rate: float) -> None:
        self.setting, self.name, self.rate = setting, name, rate
        self.model = model.to(setting.device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.operations = count_operations(model) / 1000

    @property
    def device(self) -> torch.device:
        return self.setting.device

    def autocast(self, images: Tensor) -> ours.Outputs:
        """The network as the torch engine runs it in bfloat16."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            return self.model(images)

    def time(self, variant: str, batch: int, task: Callable[[], object], *, waits: bool = False, network: bool = False):
        """Add the row of one variant: milliseconds of a batch, images a second, share of the matrix rate."""

        def measure() -> Row:
            spent = milliseconds(task, self.device, seconds=self.setting.seconds)
            row: Row = {"model": self.name, "variant": variant, "batch": batch, "ms": round(spent, 4)}
            row["images_per_second"] = round(1000 * batch / spent, 1)
            if network:
                row["share_of_bf16_rate"] = round(self.operations * batch / spent * 1000 / self.rate, 4)
            if waits:
                row["host_waits"] = host_waits(task, self.device)
            return row

        self.setting.rows.measure(f"{self.name} b{batch} {variant}", measure)


@torch.inference_mode()
def networks(measured: Measured, pixels: np.ndarray) -> None:
    """Rows of the network alone, with the images on the device."""
    batch, model = len(pixels), measured.model
    images = ours.to_input(pixels, measured.device)
    folded = ours.folded(model, measured.device)
    time = partial(measured.time, batch=batch, network=True)
    time("network fp32", task=lambda: model(images))
    time("network bf16 autocast", task=lambda: measured.autocast(images))
    time("network bf16 folded", task=lambda: folded(images))
    time("network bf16 folded, graph", task=_graph(folded, images))
    torch.backends.cudnn.benchmark = True
    time("network bf16 folded, tuned", task=lambda: folded(images))
    time("network bf16 folded, tuned, graph", task=_graph(folded, images))
    torch.backends.cudnn.benchmark = False


def _graph(function: Callable[[Tensor], object], value: Tensor) -> Callable[[], object]:
    """A call of the recorded function; recorded in the first call, so that its errors become those of the row."""
    recorded: list[Graph] = []

    def call() -> object:
        if not recorded:
            recorded.append(Graph(function, value))
        return recorded[0](value)

    return call


@torch.inference_mode()
def postprocessing(measured: Measured, pixels: np.ndarray) -> None:
    """Rows of postprocessing alone, from outputs on the device to detections on the device."""
    batch, model = len(pixels), measured.model
    outputs = tuple(part.float() for part in measured.autocast(ours.to_input(pixels, measured.device)))
    offsets, logits = outputs
    measured.time("postprocess image by image", batch, lambda: model.postprocess(*outputs), waits=True)
    measured.time("postprocess batched", batch, lambda: ours.detections(outputs, model), waits=True)
    both = torch.cat([offsets, logits], dim=2)
    split = lambda value: ours.detections((value[..., :4], value[..., 4:]), model)  # noqa: E731
    measured.time("postprocess batched, graph", batch, _graph(split, both), waits=True)
    measured.setting.rows.measure(f"{measured.name} b{batch} agreement", lambda: _agreement(measured, outputs))


def _agreement(measured: Measured, outputs: ours.Outputs) -> Row:
    """How many images of the batch are complete, and whether these have the detections of `select`."""
    found = ours.detections(outputs, measured.model)
    expected = measured.model.postprocess(*outputs)
    counts, complete = found.counts.tolist(), found.complete.tolist()
    same = [
        count == len(selection.scores) and torch.equal(found.scores[image, :count], selection.scores)
        for image, (count, selection) in enumerate(zip(counts, expected, strict=True))
        if complete[image]
    ]
    threshold = measured.model.config.detection.score_threshold
    candidates = float((outputs[1].softmax(-1)[..., 1:] > threshold).sum()) / len(counts)
    return {
        "model": measured.name,
        "variant": "batched against image by image",
        "batch": len(counts),
        "complete": sum(complete),
        "equal": sum(same),
        "candidates": round(candidates, 1),
        "detections": round(sum(counts) / len(counts), 1),
    }


@torch.inference_mode()
def pixels_to_boxes(measured: Measured, pixels: np.ndarray) -> None:
    """Rows from pixels of the input size in memory to boxes in memory."""
    batch, model = len(pixels), measured.model

    engine = TorchEngine(model, precision=ours.BF16)

    def by_image() -> object:
        outputs = measured.autocast(ours.to_input(pixels, measured.device))
        return [[part.cpu() for part in found] for found in model.postprocess(*outputs)]

    measured.time("pixels to boxes, torch engine bf16", batch, lambda: engine.postprocess(engine.forward(pixels)))
    measured.time("pixels to boxes, image by image bf16", batch, by_image)
    torch.backends.cudnn.benchmark = True
    measured.time("pixels to boxes, graph bf16", batch, _graph_detector(measured, pixels))
    torch.backends.cudnn.benchmark = False


def _graph_detector(measured: Measured, pixels: np.ndarray) -> Callable[[], object]:
    made: list[GraphDetector] = []

    def call() -> object:
        if not made:
            network = ours.folded(measured.model, measured.device)
            made.append(GraphDetector(network, measured.model, batch=len(pixels), device=measured.device))
        return made[0](pixels)

    return call


def files_to_boxes(measured: Measured, files: Sequence[Path], *, batch: int) -> None:
    """Rows from JPEG files to boxes in memory; decoding threads work ahead."""
    count = len(files)
    detector = Detector(measured.model, precision=ours.BF16, batch_size=batch)
    graph: list[GraphDetector] = []

    def recorded() -> int:
        if not graph:
            network = ours.folded(measured.model, measured.device)
            graph.append(GraphDetector(network, measured.model, batch=batch, device=measured.device))
        found, group = 0, []
        for item in prepare_ahead(files, input_size=measured.model.config.input_size, ahead=4 * batch):
            assert isinstance(item, Prepared)
            group.append(item.pixels)
            if len(group) == batch:
                found += int(graph[0](np.stack(group))[1][:, 0].sum())
                group = []
        return found

    def task(run: Callable[[], object], variant: str) -> None:
        def measure() -> Row:
            spent = milliseconds(run, measured.device, seconds=measured.setting.seconds)
            speed = round(1000 * count / spent, 1)
            return {"model": measured.name, "variant": variant, "batch": batch, "images_per_second": speed}

        measured.setting.rows.measure(f"{measured.name} b{batch} {variant}", measure)

    task(lambda: detector(list(files)), "JPEG files to boxes, Detector bf16")
    task(recorded, "JPEG files to boxes, graph bf16")


@torch.inference_mode()
def torchvision_rows(setting: Setting, model: torch.nn.Module, pixels: np.ndarray, files: Sequence[Path]) -> None:
    """Rows of torchvision's detector from images on the device, and from JPEG files, to boxes on the device."""
    from torchvision.io import ImageReadMode, decode_jpeg

    batch = len(pixels)
    images = peer.as_images(pixels, setting.device)

    def read(path: Path) -> Tensor:
        data = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
        return decode_jpeg(data, mode=ImageReadMode.RGB).to(setting.device).float() / 255

    def detect(source: Callable[[], list[Tensor]], enabled: bool) -> object:
        with torch.autocast(setting.device.type, dtype=torch.bfloat16, enabled=enabled):
            return model(source())

    sources = {"pixels": lambda: images, "JPEG files": lambda: [read(path) for path in files[:batch]]}
    for source, get in sources.items():
        for word, enabled in (("fp32", False), ("bf16", True)):
            variant = f"{source} to boxes, torchvision {word}"

            def measure(get=get, enabled=enabled, variant=variant) -> Row:
                spent = milliseconds(lambda: detect(get, enabled), setting.device, seconds=setting.seconds)
                speed = round(1000 * batch / spent, 1)
                row = {"model": "ssd300-coco", "variant": variant, "batch": batch, "ms": round(spent, 4)}
                return {**row, "images_per_second": speed}

            setting.rows.measure(f"ssd300-coco b{batch} {variant}", measure)


def rates(setting: Setting) -> float:
    """Rows of the rates of the device; returns 10¹² operations per second in bfloat16."""
    size = 256 if setting.smoke else 8192

    def measure() -> Row:
        product = partial(product_teraflops, device=setting.device, seconds=setting.seconds, size=size)
        row: Row = {"variant": "random matrices", "bf16_tflops": round(product(torch.bfloat16), 3)}
        row["fp32_tflops"] = round(product(torch.float32), 3)
        row["copy_gb_per_second"] = round(
            copy_gigabytes(setting.device, seconds=setting.seconds, size=size * size * 16), 1
        )
        return row

    row = setting.rows.measure("device", measure)
    found = row or setting.rows.find("device")
    return found["bf16_tflops"] if found else 800.0


def random_model(name: str, setting: Setting) -> SSD:
    """SSD300 or SSD512 with 20 classes and spread scores; a slim network in a smoke run."""
    torch.manual_seed(0)
    if setting.smoke:
        model = SSD(slim300_config(width=1 / 32), CLASSES)
    else:
        model = (ssd300 if name == "ssd300" else ssd512)(CLASSES)
    model.to(setting.device).eval()
    images = ours.to_input(ours.noise(4, model.config.input_size), setting.device)
    spread_to = 50 if setting.smoke else CANDIDATES
    ours.spread_scores(model, images, candidates=spread_to)
    return model


def write_files(setting: Setting) -> list[Path]:
    """JPEG files of 500 x 375."""
    folder = setting.scratch / "jpeg"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, data in enumerate(sample_images(count=4 if setting.smoke else 64)):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(data)
    return paths


def measure_model(
    setting: Setting, name: str, model: SSD, *, rate: float, files: list[Path], batches: Sequence[int], parts: bool
) -> None:
    """All rows of one model. With `parts`, also the network and postprocessing alone."""
    measured = Measured(setting, name, model, rate=rate)
    for batch in batches:
        pixels = ours.noise(batch, model.config.input_size)
        pixels_to_boxes(measured, pixels)
        if parts:
            networks(measured, pixels)
            postprocessing(measured, pixels)
        repeated = (files * (1 + 2 * batch // len(files)))[: max(batch * 2, len(files) // batch * batch)]
        files_to_boxes(measured, repeated if batch > 1 else files[:16], batch=batch)


def compare_with_torchvision(setting: Setting, *, rate: float, files: list[Path], batches: Sequence[int]) -> None:
    """Rows of torchvision's SSD300 for 90 classes, and of ours with the same weights."""
    if not peer.is_installed():
        setting.rows.add("ssd300-coco", {"error": "torchvision is not installed"})
        return
    weights = setting.scratch / "ssd300_vgg16.pth"
    images = peer.as_images(ours.noise(4, (300, 300)), torch.device("cpu"))
    model = peer.make_weights(weights, images, candidates=CANDIDATES)
    own = import_weights(weights)
    measure_model(setting, "ssd300-coco", own, rate=rate, files=files, batches=batches, parts=False)
    model = model.to(setting.device).eval()
    for batch in batches:
        torchvision_rows(setting, model, ours.noise(batch, (300, 300)), files)


def other_engines(setting: Setting) -> None:
    """A row about the availability of ONNX Runtime and TensorRT."""

    def measure() -> Row:
        from importlib.util import find_spec

        row: Row = {"tensorrt": bool(find_spec("tensorrt")), "variant": "other engines"}
        if find_spec("onnxruntime"):
            import onnxruntime

            row["onnxruntime"] = f"{onnxruntime.__version__}: {', '.join(onnxruntime.get_available_providers())}"
        return row

    setting.rows.measure("other engines", measure)


def main() -> None:
    setting = read_setting("inference")
    batches = (1,) if setting.smoke else (64, 8, 1)
    rate = rates(setting)
    files = write_files(setting)
    ready = partial(measure_model, setting, rate=rate, files=files, batches=batches)
    ready("ssd300", random_model("ssd300", setting), parts=True)
    if not setting.smoke:
        compare_with_torchvision(setting, rate=rate, files=files, batches=batches)
    if not setting.smoke:
        ready("lite320", open_weights("lite320-animals")[0], parts=True)
        ready("ssd512", random_model("ssd512", setting), parts=True)
    other_engines(setting)


if __name__ == "__main__":
    main()
