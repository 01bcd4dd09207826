"""From an Example to what the network sees: geometry first, pixels once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from multibox.data import view as views
from multibox.data.dataset import Example
from multibox.errors import DataError

Fill = tuple[int, int, int]
MEAN: Fill = (123, 117, 104)


@dataclass(frozen=True)
class Augmentation:
    """What a training sample may undergo; everything off is the transform used at test time."""

    mirror: float = 0.0


AUGMENTATIONS: Mapping[str, Augmentation] = MappingProxyType(
    {"none": Augmentation(), "flip": Augmentation(mirror=0.5)},
)


@dataclass(frozen=True, eq=False)
class Sample:
    """One training sample: an RGB picture of the network's size, boxes as corners relative to it, and their flags."""

    image: UInt8[np.ndarray, "h w 3"]
    boxes: Float32[np.ndarray, "g 4"]
    labels: Int64[np.ndarray, " g"]
    difficult: Bool[np.ndarray, " g"]
    crowd: Bool[np.ndarray, " g"]


def make_sample(
    example: Example,
    *,
    augmentation: Augmentation,
    input_size: tuple[int, int],
    rng: np.random.Generator,
    fill: Fill = MEAN,
) -> Sample:
    """Draw one training sample of `input_size` (height, width) from an example; `fill` is the RGB colour of the canvas.

    Raises DataError where the picture cannot be decoded.
    """
    picture = _read(example.image)
    view = views.whole((picture.shape[1], picture.shape[0]))
    boxes = views.relative(example.boxes, view)
    keep = views.emitted(boxes)
    boxes = np.clip(boxes[keep], 0, 1).astype(np.float32)
    image = cv2.resize(picture, input_size[::-1], interpolation=cv2.INTER_LINEAR)
    if rng.random() < augmentation.mirror:
        image, boxes = cv2.flip(image, 1), views.mirrored(boxes)
    return Sample(image, boxes, example.labels[keep], example.difficult[keep], example.crowd[keep])


def _read(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise DataError(f"{path} is no picture that can be decoded; replace or remove it")
    return picture
