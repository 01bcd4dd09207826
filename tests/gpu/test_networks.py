"""Networks and detectors on a CUDA device against the processor."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.gpu import ours
from benchmarks.gpu.graph import GraphDetector
from cuda_device import CUDA, NEEDS_CUDA, REHEARSAL, exact_float32
from multibox.bench.images import sample_images
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.models.config import ModelConfig, light_config, slim300_config, ssd300_config, ssdlite320_config
from multibox.models.ssd import SSD
from multibox.system.device import choose_device, computes_bfloat16
from tiny_detector import CLASS_NAMES, noise_image, tiny_model, write_image

pytestmark = NEEDS_CUDA


def test_the_gpu_is_the_default() -> None:
    """The device without a name, and a Hopper's or Ampere's instructions for bfloat16."""
    if REHEARSAL:
        pytest.skip("there is no GPU")
    assert choose_device() == CUDA
    assert computes_bfloat16(CUDA) == (torch.cuda.get_device_capability()[0] >= 8)


@pytest.mark.parametrize("make", [slim300_config, light_config, ssdlite320_config, ssd300_config])
def test_networks(make: Callable[[], ModelConfig]) -> None:
    """Offsets and logits in float32 to 1e-3 of their spread; in bfloat16 to a tenth."""
    torch.manual_seed(0)
    model = SSD(make(), CLASS_NAMES).eval()
    images = torch.randint(0, 256, (2, 3, *model.config.input_size), dtype=torch.uint8)
    with torch.inference_mode():
        expected = model(images)
    model.to(CUDA).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    there = images.to(CUDA)
    with torch.inference_mode(), exact_float32():
        found = model(there)
        with torch.autocast(CUDA.type, dtype=torch.bfloat16):
            rounded = model(there)
    for one, other, rough in zip(found, expected, rounded, strict=True):
        assert (one.cpu() - other).abs().max() < 1e-3 * other.std().clamp(min=1e-3)
        assert (rough.float().cpu() - other).abs().mean() < 0.1 * other.std().clamp(min=1e-3)


def same(found: Detections, expected: Detections, *, above: float, pixels: float, score: float) -> float:
    """The share of the expected detections with a score `above` that have a counterpart within the tolerances."""
    good = expected.scores > above
    near = np.abs(found.boxes[None] - expected.boxes[good, None]).max(axis=2) < pixels
    near &= np.abs(found.scores[None] - expected.scores[good, None]) < score
    near &= found.labels[None] == expected.labels[good, None]
    return float(near.any(axis=1).mean()) if good.any() else 1.0


@pytest.mark.parametrize("batch", [1, 3])
def test_shipped_detector(batch: int) -> None:
    """Detections of the shipped model in float32 and bfloat16 against those on the processor."""
    images = sample_images(count=3)
    expected = Detector.load(device="cpu")(images)
    with exact_float32():
        found = Detector.load(device=str(CUDA), batch_size=batch)(images)
    rounded = Detector.load(device=str(CUDA), precision=ours.BF16, batch_size=batch)(images)
    for one, rough, other in zip(found, rounded, expected, strict=True):
        assert same(one, other, above=0.012, pixels=0.5, score=0.002) > 0.97
        assert same(other, one, above=0.012, pixels=0.5, score=0.002) > 0.97
        assert same(rough, other, above=0.1, pixels=8, score=0.1) > 0.8


def test_files_and_arrays(tmp_path: Path) -> None:
    """JPEG files in batches, with decoding threads, against arrays one by one."""
    detector = Detector(tiny_model().to(CUDA), batch_size=4)
    arrays = [noise_image(seed=seed) for seed in range(6)]
    files = [write_image(tmp_path / f"{seed}.png", array) for seed, array in enumerate(arrays)]
    for one, array in zip(detector(files), arrays, strict=True):
        other = detector(array)
        assert same(one, other, above=0.05, pixels=0.5, score=0.01) > 0.95


@torch.inference_mode()
def test_graph() -> None:
    """Network and postprocessing recorded as a CUDA graph against the same computation image by image."""
    model = tiny_model().to(CUDA)
    network = ours.folded(model, CUDA)
    detect = GraphDetector(network, model, batch=3, device=CUDA)
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 256, (3, *model.config.input_size, 3), dtype=np.uint8)
        numbers, counts = detect(pixels)
        expected = model.postprocess(*network(ours.to_input(pixels, CUDA)))
        for image, selection in enumerate(expected):
            count, complete = counts[image]
            if complete:
                assert abs(int(count) - len(selection.scores)) <= 2
                top = min(5, int(count))
                np.testing.assert_allclose(numbers[image, :top, 4], selection.scores[:top].cpu(), atol=0.02)
