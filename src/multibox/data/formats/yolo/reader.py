"""Reader of YOLO label files: one line `class cx cy width height` per object, relative to the image."""

from collections.abc import Sequence
from pathlib import Path

from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Box, RawObject, Record
from multibox.data.formats.yolo.layout import label_file
from multibox.images.decode import known_image_size
from multibox.size import Size


def read_labels(image: Path, faults: list[Problem]) -> Record:
    """Return the record of an image and its label file; lines that cannot be read are added to `faults`.

    An image without a label file is a background. An image without a readable header gets no objects, because its
    size in pixels is unknown; decoding it reports the problem.
    """
    size, path = known_image_size(image), label_file(image)
    if not path.is_file():
        return Record(image, image.stem, size, None, size_written=False)
    items: list[RawObject] = []
    for number, text in enumerate(_lines(path, faults), start=1):
        try:
            items += [_object(text, number, size or Size(1, 1))] if text.strip() else []
        except ValueError as error:
            faults.append(Problem("unparsable", "error", str(path), f"line {number}", str(error)))
    return Record(image, image.stem, size, path, tuple(items) if size else (), size_written=False)


def _lines(path: Path, faults: list[Problem]) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot be read as text ({error}); repair or remove it"
        faults.append(Problem("unparsable", "error", str(path), None, message))
        return []


def _object(text: str, number: int, size: Size) -> RawObject:
    words = text.split()
    try:
        category, numbers = int(float(words[0])), [float(word) for word in words[1:]]
    except (ValueError, OverflowError):
        raise ValueError(f"{text.strip()!r} is not a label; write 'class cx cy width height'") from None
    if float(words[0]) != category:
        raise ValueError(f"class {words[0]!r} is not a whole number; write the number of the class, from 0")
    if len(numbers) == 4:
        values: Box = (numbers[0], numbers[1], numbers[2], numbers[3])
    elif len(numbers) >= 6 and len(numbers) % 2 == 0:
        values = _around(numbers)
    else:
        raise ValueError(f"{text.strip()!r} has {len(words)} numbers; write 'class cx cy width height'")
    return RawObject(number, str(category), values, _to_pixels(values, size))


def _around(outline: Sequence[float]) -> Box:
    """Return center and size of the box around an outline x1 y1 x2 y2 x3 y3 …."""
    left, right = min(outline[::2]), max(outline[::2])
    top, bottom = min(outline[1::2]), max(outline[1::2])
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def _to_pixels(values: Box, size: Size) -> Box:
    """Return the corners in pixels of a relative center and size."""
    cx, cy, w, h = values
    height, width = size
    return (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height
