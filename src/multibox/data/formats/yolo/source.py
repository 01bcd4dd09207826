"""YOLO data sets: a data.yaml, the folder that holds it, or folders `images` and `labels` without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multibox.data.formats.format import Source
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record, unique_ids
from multibox.data.formats.yolo.layout import YoloFolder, find_yolo_folder, labels_without_image
from multibox.data.formats.yolo.reader import read_labels
from multibox.errors import DataError


@dataclass(frozen=True)
class YoloSource(Source):
    """A YOLO data set.

    data.yaml gives folders, list files or lists of both under `train`, `val` and `test`, and the classes under `names`
    (list or mapping). Without it the classes come from classes.txt, or are the numbers themselves. Images without a
    label file, and empty label files, are backgrounds. Outlines (lines with more numbers) become the box around them.
    Sizes in pixels come from the headers of the images.
    """

    root: Path
    folder: YoloFolder

    def splits(self) -> list[str]:
        return list(self.folder.splits)

    def scan(self, split: str) -> RawDataset:
        names = (name.strip() for name in split.split("+"))
        images = tuple(dict.fromkeys(image for name in names for image in self.folder.images_of(name)))
        faults: list[Problem] = []
        records = unique_ids([read_labels(image, faults) for image in images])
        faults += [_without_image(path) for path in labels_without_image(images)]
        classes = self.folder.names or _numbers_used(records)
        labels = {str(number): label for label, number in enumerate(classes)}
        name = f"{self.root.resolve().name} {split}"
        class_names = _distinct(classes, self.root)
        return RawDataset(name, "yolo", class_names, labels, records, noun="line", faults=tuple(faults))


def find_yolo(path: Path) -> YoloSource | None:
    """Return the YOLO data set at `path`, None if there is none. Raises DataError for a broken data.yaml."""
    folder = find_yolo_folder(path)
    return None if folder is None else YoloSource(folder.root, folder)


def _without_image(path: Path) -> Problem:
    message = "has no image of the same name; add the image or remove the labels"
    return Problem("missing_image", "warning", str(path), None, message)


def _numbers_used(records: Sequence[Record]) -> dict[int, str]:
    """Return the numbers up to the highest in use as names."""
    used = [int(item.category) for record in records for item in record.objects]
    return {number: str(number) for number in range(max(used, default=-1) + 1)}


def _distinct(names: Mapping[int, str], root: Path) -> tuple[str, ...]:
    """Return the names. Raises DataError if two classes have the same name."""
    values = list(names.values())
    twice = next((name for name in values if values.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{root}: two classes are named {twice!r}; give each its own name")
    return tuple(values)
