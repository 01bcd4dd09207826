"""Detections as JSON, as a COCO data set, and as an image with drawn boxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multibox.detections import Detections
from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.images.write import encode_jpeg, encode_png
from multibox.service.problem import Problem
from multibox.words import listed


@dataclass(frozen=True)
class Wanted:
    """The detections that a client wants: `classes` None is all of them."""

    min_score: float
    classes: tuple[str, ...] | None = None

    def of(self, found: Detections) -> Detections:
        """The wanted part of detections, in the same order."""
        kept = found.scores >= self.min_score
        if self.classes is not None:
            labels = [label for label, name in enumerate(found.class_names) if name in self.classes]
            kept &= np.isin(found.labels, labels)
        return found.take(np.flatnonzero(kept))


def check_classes(classes: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The names. Raises Problem 422 for one that the model does not know."""
    for name in classes:
        if name not in known:
            raise Problem(422, "unknown_class", f"the model has no class {name[:64]!r}: choose among {listed(known)}")
    return tuple(classes)


def to_json(name: str, found: Detections) -> dict[str, Any]:
    """The entry of `multibox detect --json`, and for each detection the index of its prior."""
    entry = found.to_json(name)
    for row, prior in zip(entry["detections"], found.priors.tolist(), strict=True):
        row["prior"] = prior
    return entry


def to_error(name: str, problem: Problem) -> dict[str, Any]:
    """The entry of an image that has no detections."""
    return {"image": name, "error": {"code": problem.code, "message": problem.message}}


def to_coco(images: Sequence[tuple[str, Detections]], class_names: Sequence[str]) -> dict[str, Any]:
    """A COCO data set: images, categories that count from 1, and annotations [x, y, width, height] with scores."""
    return {
        "images": [
            {"id": number, "file_name": name, "width": found.image_size.width, "height": found.image_size.height}
            for number, (name, found) in enumerate(images, 1)
        ],
        "categories": [{"id": label, "name": name} for label, name in enumerate(class_names, 1)],
        "annotations": [
            {"id": number, "image_id": image_id, **row}
            for number, (image_id, row) in enumerate(
                ((image_id, row) for image_id, (_, found) in enumerate(images, 1) for row in _annotations(found)), 1
            )
        ],
    }


def _annotations(found: Detections) -> list[dict[str, Any]]:
    rows = []
    for box, score, label in zip(found.boxes.tolist(), found.scores, found.labels.tolist(), strict=True):
        x, y, width, height = (round(side, 2) for side in (box[0], box[1], box[2] - box[0], box[3] - box[1]))
        rows.append(
            {
                "category_id": label + 1,
                "bbox": [x, y, width, height],
                "area": round(width * height, 2),
                "iscrowd": 0,
                "score": round(float(score), 6),
            }
        )
    return rows


def drawn(data: bytes, found: Detections) -> tuple[bytes, str]:
    """The image with drawn boxes and its media type: JPEG for JPEG, PNG for all others.

    Raises Problem 422 for an image that is too long for the encoder.
    """
    image = found.draw(read_image(data))
    try:
        if data.startswith(b"\xff\xd8"):
            return encode_jpeg(image, quality=90), "image/jpeg"
        return encode_png(image), "image/png"
    except DataError as error:
        raise Problem(422, "bad_image", str(error)) from None
