"""Detections as comma-separated values: a header, then one line for each detection."""

import csv
from collections.abc import Sequence

from multibox.detection.output.record import Record, TextFile
from multibox.words import escaped

COLUMNS = ("image", "index", "time", "x1", "y1", "x2", "y2", "score", "label", "name", "track")


class CommaSeparated:
    """Writes a line for each detection; index, time and track are empty if there are none (RFC 4180)."""

    def __init__(self, file: TextFile, class_names: Sequence[str]) -> None:
        self._file, self._rows = file, csv.writer(file, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def add(self, record: Record) -> None:
        index = "" if record.index is None else record.index
        time = "" if record.time is None else round(record.time, 6)
        for row in record.detections.to_json(escaped(record.image))["detections"]:
            self._rows.writerow(
                [
                    escaped(record.image),
                    index,
                    time,
                    *row["box"],
                    row["score"],
                    row["label"],
                    escaped(row["name"]),
                    row.get("track", ""),
                ]
            )
        self._file.flush()

    def end(self) -> None:
        """Nothing comes after the last line."""

    def close(self) -> None:
        """There is nothing to release."""
