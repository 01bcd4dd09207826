"""A contact sheet: images of a data set with their boxes, as they are or as the network will see them."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.sample import Sample, make_sample
from multibox.data.dataset import Dataset
from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.size import Size

Draw = Callable[
    [UInt8[np.ndarray, "h w 3"], Float32[np.ndarray, "g 4"], Int64[np.ndarray, " g"], Sequence[str]],
    UInt8[np.ndarray, "h w 3"],
]
_GAP = 6
_PAPER = (246, 246, 246)


def contact_sheet(
    dataset: Dataset,
    *,
    draw: Draw,
    augmentation: Augmentation | None = None,
    count: int = 12,
    seed: int = 0,
    tile: Size = Size(300, 300),
) -> UInt8[np.ndarray, "h w 3"]:
    """Up to `count` images drawn at random, in rows on light paper.

    Without an `augmentation` each is the whole image, as large as fits into a `tile` (height, width), and comes once.
    With one each is a training sample of the size of a tile, and images come again once all have come. `draw` puts
    boxes in pixels with labels and class names onto a copy of an image; difficult and crowd objects are named as such.

    Raises DataError where no image of the data set can be decoded.
    """
    shown = (
        _whole_images(dataset, tile, seed) if augmentation is None else _augmented(dataset, augmentation, tile, seed)
    )
    tiles = [_tile(sample, dataset.class_names, draw, tile) for sample in islice(shown, count)]
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
        scale = min(tile[0] / height, tile[1] / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        boxes = example.boxes / np.array([width, height, width, height], np.float32)
        yield Sample(small, boxes, example.labels, example.difficult, example.crowd)


def _augmented(dataset: Dataset, augmentation: Augmentation, tile: Size, seed: int) -> Iterator[Sample]:
    """Samples of readable images in random order, without end unless none is readable."""
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


def _tile(sample: Sample, class_names: Sequence[str], draw: Draw, tile: Size) -> UInt8[np.ndarray, "h w 3"]:
    """The sample with its boxes in the middle of a tile."""
    height, width = sample.image.shape[:2]
    boxes = sample.boxes * np.array([width, height, width, height], np.float32)
    names = [*class_names, *(f"{n} (difficult)" for n in class_names), *(f"{n} (crowd)" for n in class_names)]
    labels = sample.labels + len(class_names) * np.where(sample.crowd, 2, sample.difficult.astype(np.int64))
    above, left = (tile[0] - height) // 2, (tile[1] - width) // 2
    below, right = tile[0] - height - above, tile[1] - width - left
    drawn = draw(sample.image, boxes, labels, names)
    return cv2.copyMakeBorder(drawn, above, below, left, right, cv2.BORDER_CONSTANT, value=_PAPER)


def in_rows(tiles: Sequence[UInt8[np.ndarray, "h w 3"]]) -> UInt8[np.ndarray, "H W 3"]:
    """Tiles in rows, about four columns for three rows, on paper that shows between them."""
    columns = min(len(tiles), math.ceil(math.sqrt(len(tiles) * 4 / 3)))
    height, width = tiles[0].shape[:2]
    rows = math.ceil(len(tiles) / columns)
    sheet = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), _PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        y, x = (_GAP + (side + _GAP) * k for side, k in zip((height, width), divmod(number, columns), strict=True))
        sheet[y : y + height, x : x + width] = tile
    return sheet
