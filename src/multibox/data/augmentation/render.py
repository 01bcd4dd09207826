"""The pixels of one training sample: the visible part of the image is cut out, resized, distorted and pasted once."""

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.data.augmentation.distortion import PixelChange
from multibox.data.augmentation.resample import Resampled, Window, cut, resample
from multibox.data.augmentation.transform import Transform
from multibox.size import Size

Fill = tuple[int, int, int]
"""The RGB color of a canvas."""


def render(
    image: UInt8[np.ndarray, "H W 3"], transform: Transform, *, source_size: Size, size: Size, fill: Fill
) -> UInt8[np.ndarray, "h w 3"]:
    """The sample of `size`. Where the view shows no image, it has the color `fill`.

    The view is in pixels of an image of `source_size`. `image` may have been decoded at a smaller size.
    """
    scale_x, scale_y = image.shape[1] / source_size.width, image.shape[0] / source_size.height
    left, top, width, height = transform.view.pixels
    window = (left * scale_x, top * scale_y, width * scale_x, height * scale_y)
    size = transform.flip.size_before(size)
    return transform.flip.pixels(_pasted(_visible_part(image, window, size, transform), size, fill))


def _visible_part(image: UInt8[np.ndarray, "H W 3"], window: Window, size: Size, transform: Transform) -> Resampled:
    """What the window shows of the image, at its final size, compressed and distorted.

    The official code changes colors before resizing. Here that is done only if the part is enlarged, because otherwise
    it is more work. The oracle tests measure the difference.
    """
    seen, window = cut(image, window)
    if transform.jpeg_quality is not None and seen.size:
        seen = compressed(seen, transform.jpeg_quality)
    is_enlarged = seen.size < 3 * size.height * size.width
    early = [change for change in transform.distortions if is_enlarged and change.pointwise]
    late = [change for change in transform.distortions if change not in early]
    part = resample(_distorted(seen, early), window=window, size=size, interpolation=transform.interpolation)
    return part._replace(pixels=_distorted(part.pixels, late))


def _distorted(image: UInt8[np.ndarray, "h w 3"], changes: list[PixelChange]) -> UInt8[np.ndarray, "h w 3"]:
    if not image.size:
        return image
    for change in changes:
        image = change.apply(image)
    return image


def compressed(image: UInt8[np.ndarray, "H W 3"], quality: int) -> UInt8[np.ndarray, "H W 3"]:
    """The image after JPEG compression and decompression, as in the records of the official data layer."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    assert decoded is not None
    return decoded


def _pasted(part: Resampled, size: Size, fill: Fill) -> UInt8[np.ndarray, "h w 3"]:
    """The part on a canvas of `size`."""
    height, width = part.pixels.shape[:2]
    if (height, width) == size:
        return part.pixels
    if not part.pixels.size:
        return np.full((*size, 3), fill, np.uint8)
    below, right = size.height - part.top - height, size.width - part.left - width
    return cv2.copyMakeBorder(part.pixels, part.top, below, part.left, right, cv2.BORDER_CONSTANT, value=fill)
