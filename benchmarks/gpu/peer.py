"""torchvision's SSD300 on the same device: the same weights for inference, the same batches for training."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from multibox.data.loading.batch import Batch

Targets = list[dict[str, Tensor]]


def is_installed() -> bool:
    """Whether torchvision can be imported; it raises RuntimeError if it does not fit the installed torch."""
    if find_spec("torchvision") is None:
        return False
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        return False
    return True


def make_model(*, classes: int) -> Any:
    """SSD300 with random weights; `classes` without the background."""
    from torchvision.models import detection

    torch.manual_seed(0)
    return detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=classes + 1)


@torch.no_grad()  # its tensors must be ordinary ones for torchvision to run outside inference mode
def make_weights(path: Path, images: list[Tensor], *, candidates: int) -> Any:
    """A detector for COCO's 91 numbers with random weights and about `candidates` passing scores, saved at `path`."""
    from benchmarks.detect_peer import spread_scores  # it imports torchvision

    model = make_model(classes=90).eval()
    spread_scores(model, images, candidates=candidates)
    torch.save(model.state_dict(), path)
    return model


def as_images(pixels: np.ndarray, device: torch.device) -> list[Tensor]:
    """A batch (B, H, W, 3) in torchvision's form: a list of float images up to 1."""
    return [image.permute(2, 0, 1).float().div(255).to(device) for image in torch.from_numpy(pixels)]


def as_training(batch: Batch) -> tuple[list[Tensor], Targets]:
    """One of our batches in torchvision's form: boxes in pixels, labels from 1."""
    height, width = batch.images.shape[2:]
    scale = batch.boxes.new_tensor([width, height, width, height])
    images = list(batch.images.contiguous().float() / 255)
    rows = zip(batch.boxes, batch.labels, batch.valid, strict=True)
    return images, [{"boxes": boxes[valid] * scale, "labels": labels[valid] + 1} for boxes, labels, valid in rows]


def training_loss(model: nn.Module, batch: tuple[list[Tensor], Targets], *, dtype: torch.dtype) -> Tensor:
    """The sum of its losses, with the network in `dtype` by autocast."""
    with torch.autocast(batch[0][0].device.type, dtype=dtype, enabled=dtype != torch.float32):
        losses = model(*batch)
    return sum(losses.values())  # type: ignore[return-value]
