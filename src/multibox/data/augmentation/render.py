"""The pixels of one training sample: cut, resize, distort and paste only what the view shows of the image."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.data.augmentation.color import ColorChange, apply_color
from multibox.data.augmentation.resample import Interpolation, Part, Window, cut, resample
from multibox.data.augmentation.view import View
from multibox.size import Size

Fill = tuple[int, int, int]


@dataclass(frozen=True)
class Look:
    """How the pixels of a view are turned into a sample. Flips happen in the order of the fields."""

    color: ColorChange = field(default_factory=ColorChange)
    interpolation: Interpolation = "linear"
    mirror: bool = False
    upside_down: bool = False
    quarter_turn: bool = False
    jpeg_quality: int | None = None


def render(
    image: UInt8[np.ndarray, "H W 3"],
    *,
    source_size: Size,
    view: View,
    look: Look,
    size: Size,
    fill: Fill,
) -> UInt8[np.ndarray, "h w 3"]:
    """The sample of `size`; `fill` is the RGB color where the view shows no image.

    `image` may have been decoded smaller than the `source_size` in whose pixels the view is given.
    """
    scale_x, scale_y = image.shape[1] / source_size.width, image.shape[0] / source_size.height
    left, top, width, height = view.pixels
    window = (left * scale_x, top * scale_y, width * scale_x, height * scale_y)
    shape = Size(size.width, size.height) if look.quarter_turn else size
    return _flipped(_pasted(_colored_part(image, window, shape, look), shape, fill), look)


def _colored_part(image: UInt8[np.ndarray, "H W 3"], window: Window, size: Size, look: Look) -> Part:
    """Colors before resizing, as in the official code, where that is less work, which is where the cut is enlarged."""
    seen, window = cut(image, window)
    if look.jpeg_quality is not None and seen.size:
        seen = compressed(seen, look.jpeg_quality)
    if seen.size < 3 * size.height * size.width:
        return resample(apply_color(seen, look.color), window=window, size=size, interpolation=look.interpolation)
    part = resample(seen, window=window, size=size, interpolation=look.interpolation)
    return part._replace(pixels=apply_color(part.pixels, look.color))


def compressed(image: UInt8[np.ndarray, "H W 3"], quality: int) -> UInt8[np.ndarray, "H W 3"]:
    """The image after a round through JPEG, as the official data layer hands its records on."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    assert decoded is not None
    return decoded


def _pasted(part: Part, size: Size, fill: Fill) -> UInt8[np.ndarray, "h w 3"]:
    height, width = part.pixels.shape[:2]
    if (height, width) == size:
        return part.pixels
    below, right = size.height - part.top - height, size.width - part.left - width
    if not part.pixels.size:
        return np.full((*size, 3), fill, np.uint8)
    return cv2.copyMakeBorder(part.pixels, part.top, below, part.left, right, cv2.BORDER_CONSTANT, value=fill)


def _flipped(image: UInt8[np.ndarray, "h w 3"], look: Look) -> UInt8[np.ndarray, "h2 w2 3"]:
    if look.mirror:
        image = cv2.flip(image, 1)
    if look.upside_down:
        image = cv2.flip(image, 0)
    return cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE) if look.quarter_turn else image
