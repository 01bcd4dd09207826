"""Synthetic JPEGs, used when no images are given."""

import cv2
import numpy as np

_WIDTH, _HEIGHT, _QUALITY = 500, 375, 92


def sample_images(*, count: int, seed: int = 0) -> list[bytes]:
    """JPEG files of 500 x 375 pixels with detail at every scale; the files are about as large as photographs."""
    random = np.random.default_rng(seed)
    return [_sample(random) for _ in range(count)]


def _sample(random: np.random.Generator) -> bytes:
    image = np.zeros((_HEIGHT, _WIDTH, 3), dtype=np.float32)
    for cells in (4, 16, 64, 256):
        coarse = random.normal(scale=40, size=(cells, cells, 3)).astype(np.float32)
        weight = (4 / cells) ** 0.5
        image += weight * cv2.resize(coarse, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
    pixels = (image + 128).clip(0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
