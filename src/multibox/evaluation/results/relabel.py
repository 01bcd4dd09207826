"""Detections in the class names of a data set: classes are matched by name, never by position."""

from dataclasses import replace

import numpy as np

from multibox.detections import Detections
from multibox.errors import DataError
from multibox.size import Size


def relabel(detections: Detections, *, class_names: tuple[str, ...]) -> Detections:
    """The same detections with labels that index `class_names`; those of other classes are left out.

    DataError, naming them, if `class_names` has classes that the detector does not know.
    """
    if detections.class_names == class_names:
        return detections
    missing = [name for name in class_names if name not in detections.class_names]
    if missing:
        raise DataError(
            f"the data set has classes that the detector does not know: {', '.join(missing)}; it knows "
            f"{', '.join(detections.class_names)}; names must agree to the letter: rename them in one of the two"
        )
    new_labels = np.array([_position(name, class_names) for name in detections.class_names], dtype=np.int64)
    labels = new_labels[detections.labels]
    keep = labels >= 0
    return replace(
        detections,
        boxes=detections.boxes[keep],
        scores=detections.scores[keep],
        labels=labels[keep],
        class_names=class_names,
    )


def no_detections(class_names: tuple[str, ...], *, image_size: Size | None) -> Detections:
    """What a detector gives for an image where it finds nothing; an unknown size becomes (0, 0)."""
    boxes, scores = np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.float32)
    return Detections(boxes, scores, np.zeros(0, dtype=np.int64), class_names, image_size or Size(0, 0))


def _position(name: str, class_names: tuple[str, ...]) -> int:
    return class_names.index(name) if name in class_names else -1
