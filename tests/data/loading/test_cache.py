from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.data.dataset import Dataset, Example
from multibox.data.loading import cache as module
from multibox.data.loading.cache import ImageCache
from multibox.data.loading.loader import batches
from multibox.images.decode import read_image
from multibox.size import Size

# Python 3.12 and later warn about every fork of a process that has threads, as torch always has
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three small images and two of more than a million pixels, which may be decoded at a reduced size."""
    examples = []
    for number, (width, height) in enumerate([(160, 120), (90, 200), (200, 90), (1200, 900), (900, 1300)]):
        path = tmp_path / f"{number}.jpg"
        coarse = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (width, height)))
        box = np.array([[0.2 * width, 0.3 * height, 0.7 * width, 0.8 * height]], np.float32)
        flag = np.zeros(1, bool)
        examples.append(Example(path, box, np.zeros(1, np.int64), flag, flag, str(number), Size(height, width)))
    return Dataset("five", ("thing",), tuple(examples))


@pytest.mark.parametrize("name", list(AUGMENTATIONS))
@pytest.mark.parametrize("workers", [0, 2])
def test_samples_are_the_same_with_and_without_a_cache(dataset: Dataset, name: str, workers: int) -> None:
    """Eight epochs of batches, bit for bit, with a cache for all images against no cache."""
    streams = [
        batches(
            dataset,
            augmentation=AUGMENTATIONS[name],
            input_size=Size(60, 60),
            batch_size=5,
            seed=1,
            workers=workers,
            cache_mb=room,
        )
        for room in (0, 64)
    ]
    for plain, cached in islice(zip(*streams, strict=True), 8):
        assert plain.names == cached.names
        assert torch.equal(plain.images, cached.images)
        assert torch.equal(plain.boxes, cached.boxes)


def test_images_are_decoded_once_while_there_is_room(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """With space for two images, the first two are decoded once and the third each time, with the right pixels."""
    decoded: list[str] = []

    def counting(path: Path, *, reduce: int = 1) -> np.ndarray:
        decoded.append(path.name)
        return read_image(path, reduce=reduce)

    monkeypatch.setattr(module, "read_image", counting)
    cache = ImageCache(3 * (160 * 120 + 90 * 200) + 10)
    for _ in range(3):
        for example in dataset.examples[:3]:
            np.testing.assert_array_equal(cache.read(example.image), read_image(example.image))
    assert decoded == ["0.jpg", "1.jpg", "2.jpg", "2.jpg", "2.jpg"]


def test_sizes_are_kept_apart_and_cannot_be_spoiled(dataset: Dataset) -> None:
    """One image at two sizes against `read_image`; writing to a cached image fails."""
    cache, path = ImageCache(1 << 30), dataset[3].image
    for reduce in (1, 2, 1, 2):
        np.testing.assert_array_equal(cache.read(path, reduce=reduce), read_image(path, reduce=reduce))
    with pytest.raises(ValueError, match="read-only"):
        cache.read(path, reduce=2)[0, 0] = 0
