"""The transform of one training sample: drawn from an augmentation, applied to boxes here and to pixels by `render`."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Float64

from multibox.data.augmentation import view as views
from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.crop_sampler import sample_crop
from multibox.data.augmentation.distortion import PixelChange
from multibox.data.augmentation.flip import Flip
from multibox.data.augmentation.resample import Interpolation
from multibox.data.augmentation.view import View
from multibox.size import Size


@dataclass(frozen=True)
class Transform:
    """All decisions about one sample: what it shows, how it is resized, distorted and flipped.

    `jpeg_quality` is that of a compression before resizing, None for no compression.
    """

    view: View
    flip: Flip = field(default_factory=Flip)
    interpolation: Interpolation = "linear"
    distortions: tuple[PixelChange, ...] = ()
    jpeg_quality: int | None = None


def draw_transform(
    boxes: Float32[np.ndarray, "g 4"], *, size: Size, augmentation: Augmentation, rng: np.random.Generator
) -> Transform:
    """Decide about an image of `size` with objects at `boxes`, in its pixels. The image itself is not needed."""
    coins = rng.random(4)
    view = views.whole(size)
    if coins[0] < augmentation.zoom_out:
        ratio, *shift = (rng.random(3) * [augmentation.zoom_out_ratio - 1, 1, 1] + [1, 0, 0]).tolist()
        view = views.zoom_out(size, ratio=ratio, shift=(shift[0], shift[1]))
    if augmentation.crop is not None:
        patch = sample_crop(views.relative(boxes, view), sampler=augmentation.crop, rng=rng)
        view = views.crop(view, patch)
    mirror, upside_down, quarter_turn = (
        coins[1:] < [augmentation.mirror, augmentation.upside_down, augmentation.quarter_turn]
    ).tolist()
    distortions = tuple(distortion.draw(rng) for distortion in augmentation.distortions)
    interpolation = augmentation.interpolations[int(rng.integers(len(augmentation.interpolations)))]
    flip = Flip(mirror=mirror, upside_down=upside_down, quarter_turn=quarter_turn)
    return Transform(view, flip, interpolation, distortions, augmentation.jpeg_quality)


def transform_boxes(
    boxes: Float32[np.ndarray, "g 4"], transform: Transform
) -> tuple[Float32[np.ndarray, "k 4"], Bool[np.ndarray, " g"]]:
    """Boxes in pixels of the image as corners relative to the sample, and which of them are kept.

    A box is kept if its center is inside the view; then it is clipped to the view.
    """
    relative: Float64[np.ndarray, "g 4"] = views.relative(boxes, transform.view)
    kept = views.emitted(relative)
    return transform.flip.boxes(np.clip(relative[kept], 0, 1).astype(np.float32)), kept
