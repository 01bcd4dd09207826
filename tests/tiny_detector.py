"""A small detector with random weights, the same in every run: its detections are meaningless."""

from pathlib import Path

import numpy as np
import torch

from multibox.models.config import slim300_config
from multibox.models.ssd import SSD

CLASS_NAMES = ("disc", "square", "star")


def tiny_model() -> SSD:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = SSD(slim300_config(width=1 / 32), CLASS_NAMES)
        with torch.no_grad():  # spread the scores, so that some are high and none are equal
            for parameter in model.heads.confidence.parameters():
                parameter.mul_(300)
    return model.eval()


def noise_image(*, seed: int, width: int = 160, height: int = 120) -> np.ndarray:
    """A smooth RGB pattern that JPEG hardly changes."""
    import cv2

    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write_image(path: Path, image: np.ndarray) -> Path:
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, image[:, :, ::-1])[1].tobytes())
    return path
