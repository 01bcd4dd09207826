"""Detections as JSON Lines: one object for each image or frame."""

import json
from collections.abc import Sequence

from multibox.detection.output.record import Record, TextFile


class JsonLines:
    """Writes {image, width, height, detections}; for frames also index, time, and tracks and counts if there are any.

    Boxes are (x1, y1, x2, y2) in pixels.
    """

    def __init__(self, file: TextFile, class_names: Sequence[str]) -> None:
        self._file = file
        self._ascii = (getattr(file, "encoding", None) or "").lower().replace("-", "") != "utf8"

    def add(self, record: Record) -> None:
        self._file.write(json.dumps(record.to_json(), ensure_ascii=self._ascii, allow_nan=False) + "\n")
        self._file.flush()

    def end(self) -> None:
        """Nothing comes after the last line."""

    def close(self) -> None:
        """There is nothing to release."""
