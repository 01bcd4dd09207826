"""A contact sheet: images of a data set with their boxes, unchanged or as training samples."""

from collections.abc import Iterator, Sequence
from itertools import islice

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.sample import Sample, make_sample
from multibox.data.dataset import Dataset
from multibox.drawing.boxes import draw_boxes
from multibox.drawing.grid import centered, in_rows
from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.size import Size


def contact_sheet(
    dataset: Dataset,
    *,
    augmentation: Augmentation | None = None,
    count: int = 12,
    seed: int = 0,
    tile: Size = Size(300, 300),
) -> UInt8[np.ndarray, "H W 3"]:
    """An RGB sheet of up to `count` images drawn at random. Captions say if an object is difficult or a crowd.

    Without an `augmentation`, each image is shown whole, scaled to fit into a tile, and at most once. With one, each
    tile is a training sample of the size of a tile, and images repeat after all have been shown.

    Raises DataError if no image of the data set can be decoded.
    """
    samples = (
        _whole_images(dataset, tile, seed)
        if augmentation is None
        else _training_samples(dataset, augmentation, tile, seed)
    )
    tiles = [_tile(sample, dataset.class_names, tile) for sample in islice(samples, count)]
    if not tiles:
        raise DataError(
            f"none of the {len(dataset)} images of {dataset.name!r} can be decoded; run: multibox data check"
        )
    return in_rows(tiles)


def _whole_images(dataset: Dataset, tile: Size, seed: int) -> Iterator[Sample]:
    """Readable images in random order, each as large as fits into a tile."""
    for index in np.random.default_rng(seed).permutation(len(dataset)).tolist():
        example = dataset[index]
        try:
            image = read_image(example.image)
        except DataError:
            continue
        height, width = image.shape[:2]
        scale = min(tile.height / height, tile.width / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        boxes = example.boxes / np.array([width, height, width, height], np.float32)
        yield Sample(small, boxes, example.labels, example.difficult, example.crowd)


def _training_samples(dataset: Dataset, augmentation: Augmentation, tile: Size, seed: int) -> Iterator[Sample]:
    """Samples of readable images in random order, without end unless no image is readable."""
    rng = np.random.default_rng(seed)
    readable = len(dataset)
    while readable:
        readable = 0
        for index in rng.permutation(len(dataset)).tolist():
            try:
                yield make_sample(dataset[index], augmentation=augmentation, input_size=tile, rng=rng)
            except DataError:
                continue
            readable += 1


def _tile(sample: Sample, class_names: Sequence[str], tile: Size) -> UInt8[np.ndarray, "h w 3"]:
    """The sample with its boxes, centered in a tile."""
    height, width = sample.image.shape[:2]
    boxes = sample.boxes * np.array([width, height, width, height], np.float32)
    names = [*class_names, *(f"{n} (difficult)" for n in class_names), *(f"{n} (crowd)" for n in class_names)]
    labels = sample.labels + len(class_names) * np.where(sample.crowd, 2, sample.difficult.astype(np.int64))
    drawn = draw_boxes(sample.image, boxes, labels, names)
    return centered(drawn, tile)
