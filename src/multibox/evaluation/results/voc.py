"""Detections as a folder of VOC devkit files `comp4_det_SET_CLASS.txt`, with lines `image-id score x1 y1 x2 y2`.

The corners follow the pixel rule "voc".
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from multibox.data.dataset import Dataset
from multibox.data.formats.fields import short
from multibox.data.formats.files import files_with
from multibox.data.formats.voc.pixels import box_to_corners, corners_to_box
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.evaluation.results.relabel import relabel
from multibox.evaluation.results.rows import ResultRow, detections_by_id
from multibox.system.atomic import atomic_file
from multibox.system.text import read_lines

_FILE_NAME = re.compile(r"comp\d+_det_(?P<set_and_class>.+)\.txt")


def read_voc_results(folder: Path, *, dataset: Dataset) -> dict[str, Detections]:
    """Return the detections of every image by its id; classes without a file have none. Image ids may contain spaces.

    `image_size` is (0, 0) if the data set does not know it. DataError, with file, line and value, for a malformed line,
    for an unknown image or class, and for two files of one class.
    """
    files = _files_by_label(folder, class_names=dataset.class_names)
    rows = (row for label, path in sorted(files.items()) for row in _rows(path, label=label))
    return detections_by_id(rows, dataset=dataset)


def write_voc_results(
    folder: Path, *, dataset: Dataset, detections: Mapping[str, Detections], split: str = "test"
) -> None:
    """Write `comp4_det_SPLIT_CLASS.txt` for every class, empty if it has no detections; sides have 3 decimals.

    DataError if the detections lack classes of the data set, or if a class name cannot be part of a file name.
    """
    lines: list[list[str]] = [[] for _ in dataset.class_names]
    for image_id, found in detections.items():
        here = relabel(found, class_names=dataset.class_names)
        for (x1, y1, x2, y2), score, label in zip(here.boxes.tolist(), here.scores, here.labels, strict=True):
            written = np.format_float_positional(score, trim="0")
            corners = " ".join(f"{side:.3f}" for side in box_to_corners((x1, y1, x2, y2)))
            lines[label].append(f"{image_id} {written} {corners}\n")
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines_of_class in zip(dataset.class_names, lines, strict=True):
        if "/" in name:
            raise DataError(f"class name {name!r} cannot be part of a file name; VOC results need names without /")
        with atomic_file(folder / f"comp4_det_{split}_{name}.txt") as file:
            file.write("".join(lines_of_class).encode(errors="surrogateescape"))


def _files_by_label(folder: Path, *, class_names: tuple[str, ...]) -> dict[int, Path]:
    files: dict[int, Path] = {}
    for path in files_with(folder, (".txt",)):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            continue
        label = _label_of(match["set_and_class"], path=path, class_names=class_names)
        if label in files:
            raise DataError(f"{path}: a second file of class {class_names[label]} after {files[label].name}; keep one")
        files[label] = path
    if not files:
        raise DataError(
            f"{folder}: no file comp4_det_SET_CLASS.txt, and none named after an image; give a folder of detections"
        )
    return files


def _label_of(set_and_class: str, *, path: Path, class_names: tuple[str, ...]) -> int:
    """Return the class whose name follows a `_` at the end of the file name; the longest name if several do."""
    names = [name for name in class_names if set_and_class.endswith(f"_{name}")]
    if not names:
        raise DataError(
            f"{path}: the file name ends in none of the data set's classes, {', '.join(class_names)}; "
            "it must be comp4_det_SET_CLASS.txt"
        )
    return class_names.index(max(names, key=len))


def _rows(path: Path, *, label: int) -> Iterator[ResultRow]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            yield _row(line, label=label, place=f"{path}: line {number}")


def _row(line: str, *, label: int, place: str) -> ResultRow:
    try:
        image_id, *fields = line.strip().rsplit(maxsplit=5)
        score, x1, y1, x2, y2 = map(float, fields)
    except ValueError as error:
        raise DataError(f"{place}: {short(line)}; a line is: image-id score x1 y1 x2 y2") from error
    return ResultRow(place, image_id, label, score, corners_to_box((x1, y1, x2, y2), rule="voc"))
