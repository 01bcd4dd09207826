"""Detections as a data set in a folder: labels that are corrected with an editor, and then trained on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.convert import convert
from multibox.detection.output.record import Record


class DatasetFolder:
    """Collects the records, and writes them at the end with `convert`: labels, and links to the images.

    The split is called train. The folder must be absent or empty, and is complete when it appears.
    """

    def __init__(self, folder: Path, form: str, class_names: Sequence[str]) -> None:
        self._folder, self._form, self._class_names = folder, form, tuple(class_names)
        self._examples: list[Example] = []

    def add(self, record: Record) -> None:
        found = record.detections
        flags = np.zeros(len(found), dtype=bool)
        path = Path(record.image)
        self._examples.append(
            Example(path, found.boxes, found.labels, flags, flags.copy(), id=path.stem, size=found.image_size)
        )

    def end(self) -> None:
        """Write the folder. Raises UsageError if it is not empty."""
        dataset = Dataset("detections", self._class_names, tuple(self._examples))
        convert(dataset, to=self._form, out=self._folder, files="link")

    def close(self) -> None:
        """There is nothing to release."""
