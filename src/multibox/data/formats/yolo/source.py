"""YOLO data sets: a data.yaml or obj.data, the folder that holds it, or folders `images` and `labels` without one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multibox.data.formats.files import Listing, unreadable_images
from multibox.data.formats.format import Source
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record, unique_ids
from multibox.data.formats.yolo.labels import LabelFiles
from multibox.data.formats.yolo.layout import YoloFolder, find_yolo_folder
from multibox.data.formats.yolo.reader import LabelReader
from multibox.errors import DataError
from multibox.images.decode import IMAGE_SUFFIXES
from multibox.system.yaml import yaml_text


@dataclass(frozen=True)
class YoloSource(Source):
    """A YOLO data set.

    data.yaml gives folders, list files or lists of both under `train`, `val` and `test`, the classes under `names`
    (list or mapping), and `kpt_shape` if key points follow the boxes. Darknet's obj.data gives list files. Without
    them the classes come from classes.txt, or are the numbers themselves. Images without a label file, and empty label
    files, are backgrounds. Outlines (lines with more numbers) become the box around them. Sizes in pixels come from
    the headers of the images.
    """

    folder: YoloFolder

    def splits(self) -> list[str]:
        return list(self.folder.splits)

    def read(self, split: str) -> RawDataset:
        names = _names(split)
        found = [self.folder.images_of(name, outside=self.outside) for name in names]
        images = tuple(dict.fromkeys(image for paths, _ in found for image in paths))
        labels = LabelFiles()
        reader = LabelReader(
            labels, keypoint_numbers=self.folder.keypoint_numbers, named_classes=len(self.folder.names)
        )
        records = unique_ids([reader.record(image) for image in images], self.root)
        places = {place for name in names for place in self.folder.places_of(name)}
        passed_over = list(unreadable_images(sorted(place for place in places if place.is_dir())))
        faults = (
            *reader.faults,
            *reader.ambiguous(),
            *(_without_image(path) for path in labels.without_image(images)),
            *_outside(self.root, [line for _, lines in found for line in lines]),
            *passed_over,
            *([] if images else [_empty(split, sorted(places), passed_over)]),
        )
        classes = self.folder.names or _numbers_used(records)
        numbers = {str(number): label for label, number in enumerate(classes)}
        name = f"{self.root.resolve().name} {split}"
        return RawDataset(name, "yolo", _distinct(classes, self.root), numbers, records, noun="line", faults=faults)

    def lists(self, parts: Mapping[str, Sequence[Record]]) -> dict[str, str]:
        """Return <part>.txt with the paths of the images, and split.yaml, a data.yaml of these lists."""
        files = {f"{part}.txt": "".join(f"{self._below_root(r.image)}\n" for r in rs) for part, rs in parts.items()}
        names = self.folder.names or dict(enumerate(self.read("all").class_names))
        document: dict[str, object] = {part: f"{part}.txt" for part in parts} | {"names": names}
        if self.folder.keypoint_numbers:
            document["kpt_shape"] = [self.folder.keypoint_numbers, 1]
        return files | {"split.yaml": yaml_text(document)}

    def _below_root(self, image: Path) -> str:
        if not image.is_relative_to(self.root):
            raise DataError(f"{image} is outside {self.root}, so that a list of the data set cannot name it; move it")
        return image.relative_to(self.root).as_posix()

    def listings(self, split: str) -> list[Listing]:
        places = dict.fromkeys(place for name in _names(split) for place in self.folder.places_of(name))
        descriptions = Listing(self.folder.root, (".yaml", ".yml", ".data", ".names"))
        return [descriptions, *(Listing(place, IMAGE_SUFFIXES, below=True) for place in places if place.is_dir())]


def find_yolo(path: Path) -> YoloSource | None:
    """Return the YOLO data set at `path`, None if there is none. Raises DataError for a broken data.yaml."""
    folder = find_yolo_folder(path)
    return None if folder is None else YoloSource(folder.root, folder, evidence=folder.evidence)


def _names(split: str) -> list[str]:
    return [name.strip() for name in split.split("+")]


def _without_image(path: Path) -> Problem:
    message = "has no image of the same name; add the image or remove the labels"
    return Problem("missing_image", "warning", str(path), None, message)


def _outside(root: Path, lines: Sequence[str]) -> list[Problem]:
    if not lines:
        return []
    first = f"{len(lines):,} images in lists are outside the data set, the first {lines[0][:100]!r}"
    return [Problem("passed_over", "warning", str(root), None, f"{first}; left out, --outside reads them")]


def _empty(split: str, places: Sequence[Path], passed_over: Sequence[Problem]) -> Problem:
    reasons = "; ".join([f"looked in {', '.join(map(str, places))}", *(problem.message for problem in passed_over)])
    return Problem("empty_split", "error", split, None, f"holds no image that can be read; {reasons}")


def _numbers_used(records: Sequence[Record]) -> dict[int, str]:
    """Return the numbers up to the highest in use as names."""
    used = [int(item.category) for record in records for item in record.objects]
    return {number: str(number) for number in range(max(used, default=-1) + 1)}


def _distinct(names: Mapping[int, str], root: Path) -> tuple[str, ...]:
    """Return the names. Raises DataError if two classes have the same name."""
    values = tuple(names.values())
    twice = next((name for name, count in Counter(values).items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{root}: two classes are named {twice!r}; give each its own name")
    return values
