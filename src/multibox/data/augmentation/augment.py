"""From an Example to what the network sees: all chances are drawn first, then each pixel is touched once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from multibox.data.augmentation import view as views
from multibox.data.augmentation.color import ColorChange, ColorJitter, draw_color
from multibox.data.augmentation.crop_sampler import CropSampler, sample_crop
from multibox.data.augmentation.render import Fill, Look, render
from multibox.data.augmentation.resample import Interpolation
from multibox.data.augmentation.view import View
from multibox.data.dataset import Example
from multibox.errors import UsageError
from multibox.images.decode import image_size, read_image
from multibox.size import Size


@runtime_checkable
class ReadImage(Protocol):
    """Decoding of an image at a reduced size, as `read_image` does it."""

    def __call__(self, path: Path, /, *, reduce: int) -> UInt8[np.ndarray, "h w 3"]: ...


MEAN: Fill = (123, 117, 104)
ALL_INTERPOLATIONS: tuple[Interpolation, ...] = ("linear", "area", "nearest", "cubic", "lanczos")


@dataclass(frozen=True)
class Augmentation:
    """What a training sample may undergo. The default is nothing: the transform used at test time.

    zoom_out: probability of placing the image on a larger canvas; zoom_out_ratio: largest ratio per side.
    crop: how patches are drawn, None for none. color: photometric distortion, None for none.
    mirror: probability of exchanging left and right. upside_down and quarter_turn: probabilities of a vertical flip
    and of 90 degrees counter-clockwise, for images without an up, as from a microscope or from the air.
    interpolations: one of them is drawn for each sample.
    jpeg_quality: if given, what is shown of the image is compressed and decompressed before it is resized.
    reduced_above: an image of more pixels than that is decoded at 1/2, 1/4 or 1/8 where the sample shows it at less
    than that size anyway; 0 for always, None for never.
    """

    zoom_out: float = 0.0
    zoom_out_ratio: float = 4.0
    crop: CropSampler | None = None
    color: ColorJitter | None = None
    mirror: float = 0.0
    upside_down: float = 0.0
    quarter_turn: float = 0.0
    interpolations: tuple[Interpolation, ...] = ("linear",)
    jpeg_quality: int | None = None
    reduced_above: int | None = None


CAFFE = Augmentation(
    zoom_out=0.5,
    crop=CropSampler(),
    color=ColorJitter(),
    mirror=0.5,
    interpolations=ALL_INTERPOLATIONS,
    reduced_above=1_000_000,
)
PAPER = Augmentation(
    zoom_out=0.5,
    crop=CropSampler(scale=(0.1, 1.0), aspect_drawn="where_it_fits"),
    color=ColorJitter(),
    mirror=0.5,
    interpolations=ALL_INTERPOLATIONS,
    reduced_above=1_000_000,
)
AUGMENTATIONS: Mapping[str, Augmentation] = MappingProxyType(
    {"none": Augmentation(), "flip": Augmentation(mirror=0.5), "paper": PAPER, "caffe": CAFFE},
)


def find_augmentation(name: str) -> Augmentation:
    """A recipe of `AUGMENTATIONS`. Raises UsageError for a name that is none."""
    if name not in AUGMENTATIONS:
        raise UsageError(f"augmentation {name!r} is not known: choose one of {', '.join(AUGMENTATIONS)}")
    return AUGMENTATIONS[name]


@dataclass(frozen=True, eq=False)
class Sample:
    """One training sample: an RGB image of the network's size, boxes as corners relative to it, and their flags."""

    image: UInt8[np.ndarray, "h w 3"]
    boxes: Float32[np.ndarray, "g 4"]
    labels: Int64[np.ndarray, " g"]
    difficult: Bool[np.ndarray, " g"]
    crowd: Bool[np.ndarray, " g"]


class Chances(NamedTuple):
    """Everything that is random about one sample: the part of the plane, and how it looks."""

    view: View
    look: Look


def make_sample(
    example: Example,
    *,
    augmentation: Augmentation,
    input_size: Size,
    rng: np.random.Generator,
    fill: Fill = MEAN,
    read: ReadImage = read_image,
) -> Sample:
    """Draw one training sample of `input_size` from an example; `fill` is the RGB color of the canvas.

    `read` gives what `read_image` gives, perhaps from memory.
    Raises DataError where the image cannot be decoded.
    """
    source = None if _may_be_reduced(example, augmentation) else read(example.image, reduce=1)
    size = image_size(example.image) if source is None else Size(*source.shape[:2])
    view, look = draw_chances(example.boxes, size=size, augmentation=augmentation, rng=rng)
    if source is None:
        source = read(example.image, reduce=_reduction(view, input_size))
    boxes, kept = place_boxes(example.boxes, view=view, look=look)
    image = render(source, source_size=size, view=view, look=look, size=input_size, fill=fill)
    return Sample(image, boxes, example.labels[kept], example.difficult[kept], example.crowd[kept])


def draw_chances(
    boxes: Float32[np.ndarray, "g 4"], *, size: Size, augmentation: Augmentation, rng: np.random.Generator
) -> Chances:
    """All decisions for an image of `size` with objects at `boxes`, in pixels; no pixel is needed."""
    coins = rng.random(4)
    view = views.whole(size)
    if coins[0] < augmentation.zoom_out:
        ratio, *shift = (rng.random(3) * [augmentation.zoom_out_ratio - 1, 1, 1] + [1, 0, 0]).tolist()
        view = views.zoom_out(size, ratio=ratio, shift=(shift[0], shift[1]))
    if augmentation.crop is not None:
        patch = sample_crop(views.relative(boxes, view), sampler=augmentation.crop, rng=rng)
        view = views.crop(view, patch)
    look = Look(
        color=ColorChange() if augmentation.color is None else draw_color(augmentation.color, rng),
        interpolation=augmentation.interpolations[int(rng.integers(len(augmentation.interpolations)))],
        mirror=bool(coins[1] < augmentation.mirror),
        upside_down=bool(coins[2] < augmentation.upside_down),
        quarter_turn=bool(coins[3] < augmentation.quarter_turn),
        jpeg_quality=augmentation.jpeg_quality,
    )
    return Chances(view, look)


def place_boxes(
    boxes: Float32[np.ndarray, "g 4"], *, view: View, look: Look
) -> tuple[Float32[np.ndarray, "k 4"], Bool[np.ndarray, " g"]]:
    """The boxes whose centers the view shows, clipped to it, as corners relative to the sample; and which they are."""
    shown: Float64[np.ndarray, "g 4"] = views.relative(boxes, view)
    kept = views.emitted(shown)
    placed = np.clip(shown[kept], 0, 1).astype(np.float32)
    if look.mirror:
        placed = views.mirrored(placed)
    if look.upside_down:
        placed = views.upside_down(placed)
    if look.quarter_turn:
        placed = views.turned(placed)
    return placed, kept


def _may_be_reduced(example: Example, augmentation: Augmentation) -> bool:
    """Whether the image is large enough for a decoding at reduced size, as far as can be told without opening it."""
    if augmentation.reduced_above is None:
        return False
    return example.size is None or example.size.width * example.size.height > augmentation.reduced_above


def _reduction(view: View, input_size: Size) -> int:
    """The largest of 1, 2, 4 and 8 at which the view still has as many pixels as the network's input, on both sides."""
    shrink = min(view.pixels[2] / input_size.width, view.pixels[3] / input_size.height)
    return max(reduce for reduce in (1, 2, 4, 8) if reduce <= max(1, shrink))
