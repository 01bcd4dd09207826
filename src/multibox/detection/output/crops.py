"""Cut-outs of detections as JPEG files, in a folder for each class."""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from multibox.detections import Detections
from multibox.images.write import write_image

FOLDER = "crops"


def write_crops(folder: Path, name: str, image: UInt8[np.ndarray, "h w 3"], found: Detections) -> int:
    """Write `folder`/crops/CLASS/NAME-K.jpg for each detection, K from 1, best first; returns the number of files.

    A box is cut at the pixels that it touches. Characters of class names that do not suit file names become hyphens.
    """
    for number, (box, _, class_name) in enumerate(found, start=1):
        write_image(folder / FOLDER / _plain(class_name) / f"{name}-{number}.jpg", cut_out(image, box))
    return len(found)


def cut_out(image: UInt8[np.ndarray, "h w 3"], box: Float32[np.ndarray, "4"]) -> UInt8[np.ndarray, "rows columns 3"]:
    """The pixels that a box touches, at least one."""
    height, width = image.shape[:2]
    x1, y1 = np.clip(np.floor(box[:2]), 0, [width - 1, height - 1]).astype(int)
    x2, y2 = np.clip(np.ceil(box[2:]), [x1 + 1, y1 + 1], [width, height]).astype(int)
    return image[y1:y2, x1:x2]


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip(".-")[:80] or "class"
