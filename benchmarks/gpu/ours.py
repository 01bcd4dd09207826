"""The parts of multibox that the steps measure."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from multibox.batched_nms import BatchSelection
from multibox.data.augmentation.augmentation import find_augmentation
from multibox.data.dataset import Dataset
from multibox.data.load import choose_classes, load_dataset
from multibox.data.loading.batch import Batch
from multibox.data.loading.loader import batches
from multibox.loss import LossConfig
from multibox.models.config import ModelConfig
from multibox.models.folded import FoldedSSD
from multibox.models.ssd import SSD
from multibox.postprocess import select_detections
from multibox.size import Size
from multibox.training.network import TrainingPrecision
from multibox.training.optimizer import OptimizerConfig, Schedule
from multibox.training.run import LoopConfig, Run

FP32: TrainingPrecision = "fp32"
BF16: TrainingPrecision = "bf16"
FP16: TrainingPrecision = "fp16"
ANIMALS = ("cat", "cow", "dog", "horse", "person", "sheep")
Outputs = tuple[Float[Tensor, "b p 4"], Float[Tensor, "b p k"]]


def animals(data: Path, split: str) -> Dataset:
    """A split of the data set with the classes that are frequent in it."""
    return choose_classes(load_dataset(data, split=split), classes=ANIMALS)


def noise(count: int, size: Size) -> UInt8[np.ndarray, "{count} h w 3"]:
    """Random pixels at the size of a network's input."""
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def to_input(pixels: UInt8[np.ndarray, "b h w 3"], device: torch.device) -> UInt8[Tensor, "b 3 h w"]:
    """The batch on the device, in channels-last memory."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)


@torch.inference_mode()
def spread_scores(model: SSD, images: UInt8[Tensor, "b 3 h w"], *, candidates: int) -> None:
    """Scale the score predictors so that about `candidates` scores of an image pass the threshold.

    With random weights all priors have nearly equal scores. Here logits have a standard deviation of 2.5, and the bias
    of the background decides how many pass. benchmarks/detect_peer.py does the same for torchvision.
    """
    outputs = len(model.class_names) + 1
    layers = [[m for m in head.modules() if isinstance(m, nn.Conv2d)][-1] for head in model.heads.confidence]
    spreads: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda module, given, out: spreads.append(out.std())) for layer in layers]
    model(images)
    for hook in hooks:
        hook.remove()
    for layer, spread in zip(layers, spreads, strict=True):
        layer.weight.mul_(2.5 / spread)
    logits = model(images)[1].float()
    shift = _background_shift(logits, threshold=model.config.detection.score_threshold, candidates=candidates)
    for layer in layers:
        assert layer.bias is not None
        layer.bias.view(-1, outputs)[:, 0] += shift


def _background_shift(logits: Float[Tensor, "b p k"], *, threshold: float, candidates: int) -> float:
    low, high = -20.0, 40.0
    for _ in range(40):
        middle = (low + high) / 2
        shifted = logits.clone()
        shifted[..., 0] += middle
        passing = float((shifted.softmax(-1)[..., 1:] > threshold).sum()) / len(logits)
        low, high = (middle, high) if passing > candidates else (low, middle)
    return low


def detections(outputs: Outputs, model: SSD) -> BatchSelection:
    """Detections of the batch in fixed shapes, on the device."""
    return select_detections(*outputs, model.coder, model.config.detection, clip=model.config.clip)


def folded(model: SSD, device: torch.device) -> FoldedSSD:
    """The network for inference only, in bfloat16 and channels-last memory."""
    network = FoldedSSD(model, dtype=torch.bfloat16).to(device)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def make_run(
    config: ModelConfig,
    class_names: tuple[str, ...],
    *,
    batch: int,
    precision: TrainingPrecision,
    device: torch.device,
    compile: bool = False,
) -> Run:
    """A training run with the paper's optimizer; nothing is written."""
    torch.manual_seed(0)
    return Run(
        SSD(config, class_names).to(device),
        loop=LoopConfig(batch_size=batch, precision=precision, compile=compile),
        optimizer=OptimizerConfig(),
        schedule=Schedule(1000),
        loss=LossConfig(),
    )


def stream(dataset: Dataset, config: ModelConfig, *, batch: int, workers: int) -> Iterator[Batch]:
    """Training batches with the full augmentation of the paper's section 3.6."""
    return batches(
        dataset,
        augmentation=find_augmentation("caffe"),
        input_size=config.input_size,
        batch_size=batch,
        seed=0,
        workers=workers,
    )


def held(dataset: Dataset, config: ModelConfig, *, batch: int, count: int) -> list[Batch]:
    """The first `count` batches of the stream, in memory."""
    return list(islice(stream(dataset, config, batch=batch, workers=0), count))


def with_std(config: ModelConfig) -> ModelConfig:
    """The config with inputs of about unit variance, for training from scratch."""
    return replace(config, std=(58.0, 58.0, 58.0))
