"""One training sample from an Example: all decisions are drawn first, then each pixel is touched once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.render import Fill, render
from multibox.data.augmentation.transform import draw_transform, transform_boxes
from multibox.data.augmentation.view import View
from multibox.data.dataset import Example
from multibox.images.decode import image_size, read_image
from multibox.size import Size

MEAN_COLOR: Fill = (123, 117, 104)


@runtime_checkable
class ReadImage(Protocol):
    """A function that decodes an image as `read_image` does, possibly at a reduced size."""

    def __call__(self, path: Path, /, *, reduce: int) -> UInt8[np.ndarray, "h w 3"]: ...


@dataclass(frozen=True, eq=False)
class Sample:
    """One training sample: an RGB image of the network's size, boxes as corners relative to it, and their flags."""

    image: UInt8[np.ndarray, "h w 3"]
    boxes: Float32[np.ndarray, "g 4"]
    labels: Int64[np.ndarray, " g"]
    difficult: Bool[np.ndarray, " g"]
    crowd: Bool[np.ndarray, " g"]


def make_sample(
    example: Example,
    *,
    augmentation: Augmentation,
    input_size: Size,
    rng: np.random.Generator,
    fill: Fill = MEAN_COLOR,
    read: ReadImage = read_image,
) -> Sample:
    """Draw one training sample of `input_size` from an example. `fill` is the color of the zoom-out canvas.

    `read` decodes the image; it may take it from a cache. Raises DataError if the image cannot be decoded.
    """
    source = None if _may_be_reduced(example, augmentation) else read(example.image, reduce=1)
    size = image_size(example.image) if source is None else Size(*source.shape[:2])
    transform = draw_transform(example.boxes, size=size, augmentation=augmentation, rng=rng)
    if source is None:
        source = read(example.image, reduce=_reduction(transform.view, input_size))
    boxes, kept = transform_boxes(example.boxes, transform)
    image = render(source, transform, source_size=size, size=input_size, fill=fill)
    return Sample(image, boxes, example.labels[kept], example.difficult[kept], example.crowd[kept])


def _may_be_reduced(example: Example, augmentation: Augmentation) -> bool:
    """Whether the image is large enough for decoding at a reduced size, or its size is not known before opening it."""
    if augmentation.reduced_above is None:
        return False
    return example.size is None or example.size.width * example.size.height > augmentation.reduced_above


def _reduction(view: View, input_size: Size) -> int:
    """The largest of 1, 2, 4 and 8 at which the view still has at least as many pixels as the input on both sides."""
    shrink = min(view.pixels[2] / input_size.width, view.pixels[3] / input_size.height)
    return max(reduce for reduce in (1, 2, 4, 8) if reduce <= max(1, shrink))
