"""Relabels detections for the classes of a data set: classes are matched by name, never by position."""

from dataclasses import replace

import numpy as np

from multibox.class_map import find_class
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.size import Size


def relabel(detections: Detections, *, class_names: tuple[str, ...]) -> Detections:
    """Return the detections with labels that index `class_names`; detections of other classes are dropped.

    Names that differ in case alone are the same, unless the detector has both.

    DataError, with their names, if `class_names` has classes that the detector does not know.
    """
    if detections.class_names == class_names:
        return detections
    positions = {find_class(name, detections.class_names): label for label, name in enumerate(class_names)}
    missing = [name for name in class_names if find_class(name, detections.class_names) is None]
    if missing:
        raise DataError(
            f"the data set has classes that the detector does not know: {', '.join(missing)}; it knows "
            f"{', '.join(detections.class_names)}; give the detector's name of each with --map OLD=NEW, or leave "
            "classes out with --classes"
        )
    new_labels = np.array([positions.get(name, -1) for name in detections.class_names], dtype=np.int64)
    known = detections.take(np.flatnonzero(new_labels[detections.labels] >= 0))
    return replace(known, labels=new_labels[known.labels], class_names=class_names)


def no_detections(class_names: tuple[str, ...], *, image_size: Size | None) -> Detections:
    """Return Detections without any box; an unknown image size becomes (0, 0)."""
    boxes, scores = np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.float32)
    return Detections(boxes, scores, np.zeros(0, dtype=np.int64), class_names, image_size or Size(0, 0))
