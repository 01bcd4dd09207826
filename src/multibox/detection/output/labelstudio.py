"""Detections as tasks of Label Studio with predictions, which people correct.

The format is that of https://labelstud.io/guide/predictions: rectangles in percent of the image.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from multibox.detection.output.record import Record, TextFile
from multibox.detections import Detections
from multibox.system.storage import is_local
from multibox.words import escaped

LABEL, IMAGE = "label", "image"
"""The usual names of the RectangleLabels and of the Image tag of a labeling configuration."""


def prediction(found: Detections, *, version: str, label: str = LABEL, image: str = IMAGE) -> dict[str, Any]:
    """The prediction of a task: a rectangle for each detection, and the best of their scores.

    `label` and `image` are the names of the two tags of the labeling configuration.
    """
    rows = [_rectangle(box, score, name, found, label=label, image=image) for box, score, name in found]
    return {"result": rows, "score": max((row["score"] for row in rows), default=0.0), "model_version": version}


def _rectangle(
    box: np.ndarray, score: float, name: str, found: Detections, *, label: str, image: str
) -> Mapping[str, Any]:
    height, width = found.image_size
    x, y = 100 * box[0] / width, 100 * box[1] / height
    value = {"x": x, "y": y, "width": 100 * box[2] / width - x, "height": 100 * box[3] / height - y}
    return {
        "from_name": label,
        "to_name": image,
        "type": "rectanglelabels",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "score": score,
        "value": {key: round(float(side), 4) for key, side in value.items()}
        | {"rotation": 0, "rectanglelabels": [name]},
    }


class LabelStudioTasks:
    """Writes a JSON list of tasks, one for each image.

    A file becomes /data/local-files/?d=PATH, which Label Studio looks for below its document root; a URI stays.
    """

    def __init__(self, file: TextFile, class_names: Sequence[str]) -> None:
        self._file, self._before = file, "[\n"

    def add(self, record: Record) -> None:
        task = {
            "data": {IMAGE: _address(record.image)},
            "predictions": [prediction(record.detections, version="multibox")],
        }
        self._file.write(self._before + json.dumps(task))
        self._before = ",\n"

    def end(self) -> None:
        """Close the list."""
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")
        self._file.flush()

    def close(self) -> None:
        """There is nothing to release."""


def _address(image: str) -> str:
    if not is_local(image):
        return escaped(image)
    return "/data/local-files/?d=" + quote(image.lstrip("/"), safe="/", errors="surrogateescape")
