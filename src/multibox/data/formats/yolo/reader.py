"""Reader of YOLO text labels: one line `class cx cy width height` per object, all relative to the image."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Box, RawDataset, RawObject, Record, to_dataset, unique_ids
from multibox.data.formats.yolo.layout import find_yolo, images_of, label_file, labels_without_image
from multibox.errors import DataError
from multibox.images.decode import known_image_size
from multibox.size import Size


def read_yolo(root: Path | str, *, split: str = "train") -> Dataset:
    """Read a data.yaml, or the folder that holds it, or folders `images` and `labels` without one.

    data.yaml names folders, list files or lists of both under `train`, `val` and `test`, and the classes under `names`
    (list or mapping). Without it the classes come from classes.txt, or are the numbers themselves. Images without a
    label file, and empty label files, are backgrounds; label files without an image are named in `problems`.
    Outlines (lines with more numbers) become the box around them. Pixel sizes come from the headers of the images.

    Raises DataError for a folder that is none, a split that does not exist, a line that is no label and a class beyond
    the names.
    """
    return to_dataset(scan_yolo(root, split=split))


def scan_yolo(root: Path | str, *, split: str = "train") -> RawDataset:
    """The same, as written and unjudged."""
    root = Path(root)
    folder = find_yolo(root)
    if folder is None:
        raise DataError(f"{root} is no YOLO data set: no data.yaml and no folder of labels beside images")
    images = images_of(folder, split)
    faults: list[Problem] = []
    records = unique_ids([_record(image, faults) for image in images])
    faults += [_orphan(path) for path in labels_without_image(images)]
    names = folder.names or _numbers_used(records)
    labels = {str(number): label for label, number in enumerate(names)}
    name = f"{folder.root.resolve().name} {split}"
    return RawDataset(name, "yolo", _distinct(names, folder.root), labels, records, "line", tuple(faults))


def yolo_box(values: Box, size: Size) -> Box:
    """Relative center and size to corners in pixels of an image of `size`."""
    cx, cy, w, h = values
    height, width = size
    return (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height


def _record(image: Path, faults: list[Problem]) -> Record:
    size, path = known_image_size(image), label_file(image)
    if not path.is_file():
        return Record(image, image.stem, size, None, size_written=False)
    items: list[RawObject] = []
    for number, text in enumerate(_lines(path, faults), start=1):
        try:
            items += [_object(text, number, size or Size(1, 1))] if text.strip() else []
        except ValueError as error:
            faults.append(Problem("unparsable", "error", str(path), f"line {number}", str(error)))
    # Without a size no pixel is known: the image stays, and decoding it will name it.
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
        raise ValueError(f"{text.strip()!r} is no label; write 'class cx cy width height'") from None
    if float(words[0]) != category:
        raise ValueError(f"class {words[0]!r} is no whole number; write the number of the class, from 0")
    if len(numbers) == 4:
        values: Box = (numbers[0], numbers[1], numbers[2], numbers[3])
    elif len(numbers) >= 6 and len(numbers) % 2 == 0:
        values = _around(numbers)
    else:
        raise ValueError(f"{text.strip()!r} has {len(words)} numbers; write 'class cx cy width height'")
    return RawObject(number, str(category), values, yolo_box(values, size))


def _around(outline: Sequence[float]) -> Box:
    """Center and size of the box around an outline x1 y1 x2 y2 x3 y3 …"""
    left, right = min(outline[::2]), max(outline[::2])
    top, bottom = min(outline[1::2]), max(outline[1::2])
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def _orphan(path: Path) -> Problem:
    message = "has no image of its name; add the image or remove the labels"
    return Problem("missing_image", "warning", str(path), None, message)


def _numbers_used(records: Sequence[Record]) -> dict[int, str]:
    """The numbers up to the highest as names, where nothing names them."""
    used = [int(item.category) for record in records for item in record.objects]
    return {number: str(number) for number in range(max(used, default=-1) + 1)}


def _distinct(names: Mapping[int, str], root: Path) -> tuple[str, ...]:
    values = list(names.values())
    twice = next((name for name in values if values.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{root}: two classes are named {twice!r}; give each a name of its own")
    return tuple(values)
