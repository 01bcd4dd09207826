"""Size of an image as it is shown, from its header; None where there is no image that can be read."""

from pathlib import Path

from multibox.errors import DataError
from multibox.images.decode import exif_orientation, image_size


def upright_size(path: Path) -> tuple[int, int] | None:
    """(width, height) after the EXIF rotation, which labels refer to; nothing is decoded."""
    if not path.is_file():
        return None
    try:
        width, height = image_size(path)
        turned = exif_orientation(path) >= 5  # 5 to 8 exchange rows and columns
    except (DataError, OSError):
        return None
    return (height, width) if turned else (width, height)
