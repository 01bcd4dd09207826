"""Detections as a COCO data set: images, categories, and annotations that have a score."""

import json
import tempfile
from collections.abc import Sequence
from typing import Any

from multibox.detection.output.record import Record, TextFile


class CocoDocument:
    """Writes one JSON document step by step. Ids count from 1; a category has the id label + 1.

    A frame has the file name of its video, `frame_index` and `time`; an annotation of a track has `track_id`. The
    images are kept in a temporary file, so that a long video does not fill the memory.
    """

    def __init__(self, file: TextFile, class_names: Sequence[str]) -> None:
        self._file = file
        self._images = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115
        self._image_count = self._annotation_count = 0
        categories = [{"id": number, "name": name} for number, name in enumerate(class_names, start=1)]
        self._file.write(f'{{"categories": {json.dumps(categories)},\n"annotations": [')

    def add(self, record: Record) -> None:
        self._image_count += 1
        entry = record.detections.to_json(record.image)
        image: dict[str, Any] = {"id": self._image_count, "file_name": entry["image"]}
        image |= {"width": entry["width"], "height": entry["height"]}
        if record.index is not None and record.time is not None:
            image |= {"frame_index": record.index, "time": round(record.time, 6)}
        self._images.write(("," if self._image_count > 1 else "") + "\n" + json.dumps(image))
        for row in entry["detections"]:
            self._annotate(row)

    def _annotate(self, row: dict[str, Any]) -> None:
        self._annotation_count += 1
        x1, y1, x2, y2 = row["box"]
        width, height = round(x2 - x1, 2), round(y2 - y1, 2)
        annotation = {
            "id": self._annotation_count,
            "image_id": self._image_count,
            "category_id": row["label"] + 1,
            "bbox": [x1, y1, width, height],
            "area": round(width * height, 2),
            "iscrowd": 0,
            "score": row["score"],
        }
        if "track" in row:
            annotation["track_id"] = row["track"]
        self._file.write(("," if self._annotation_count > 1 else "") + "\n" + json.dumps(annotation))

    def end(self) -> None:
        """Close the annotations and add the images."""
        self._file.write('],\n"images": [')
        self._images.seek(0)
        while block := self._images.read(1 << 20):
            self._file.write(block)
        self._file.write("]}\n")
        self._file.flush()

    def close(self) -> None:
        """Remove the temporary file."""
        self._images.close()
