"""Detections as a folder of text files, `IMAGE-ID.txt` each, with lines `class-index score x1 y1 x2 y2` in pixels."""

from collections.abc import Iterator
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.formats.fields import short
from multibox.data.formats.files import files_with
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.evaluation.results.rows import ResultRow, detections_by_id
from multibox.system.text import read_lines


def read_text_results(folder: Path, *, dataset: Dataset) -> dict[str, Detections]:
    """Return the detections of every image by its id; images without a file have none.

    The index counts the data set's classes from 0; corners are continuous pixels. `image_size` is (0, 0) if the data
    set does not know it. DataError, with file, line and value, for a malformed line and for an unknown image or class.
    """
    rows = (row for path in files_with(folder, (".txt",)) for row in _rows(path, num_classes=len(dataset.class_names)))
    return detections_by_id(rows, dataset=dataset)


def _rows(path: Path, *, num_classes: int) -> Iterator[ResultRow]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            yield _row(line, path=path, number=number, num_classes=num_classes)


def _row(line: str, *, path: Path, number: int, num_classes: int) -> ResultRow:
    place = f"{path}: line {number}"
    try:
        index, *fields = line.split()
        label = int(index)
        score, x1, y1, x2, y2 = map(float, fields)
    except ValueError as error:
        raise DataError(f"{place}: {short(line)}; a line is: class-index score x1 y1 x2 y2") from error
    if not 0 <= label < num_classes:
        raise DataError(f"{place}: class index {label}; it must be 0 to {num_classes - 1}, the classes of the data set")
    return ResultRow(place, path.stem, label, score, (x1, y1, x2, y2))
