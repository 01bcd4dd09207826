"""Writer of PASCAL VOC XML: Annotations, JPEGImages, ImageSets/Main/<split>.txt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from multibox.data.formats.written import Written, flagged
from multibox.words import counted


def write_voc(splits: Mapping[str, Sequence[Written]], class_names: tuple[str, ...], out: Path) -> list[str]:
    """Write every split. Corners are written as VOC counts them, from 1; those that are no whole pixels with decimals.

    Crowds, which VOC does not have, become difficult objects, as the official reader treats them. Gives lines about
    what is lost.
    """
    for folder in ("Annotations", "ImageSets/Main"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for split, written in splits.items():
        for entry in written:
            (out / f"Annotations/{entry.image.stem}.xml").write_text(_document(entry, class_names), "utf-8")
        stems = "".join(f"{entry.image.stem}\n" for entry in written)
        (out / f"ImageSets/Main/{split}.txt").write_text(stems, "utf-8")
    return list(_losses([entry for written in splits.values() for entry in written], class_names))


def _document(entry: Written, class_names: tuple[str, ...]) -> str:
    height, width = entry.size
    example = entry.example
    rows = zip(example.boxes, example.labels, example.difficult | example.crowd, strict=True)
    objects = "".join(_object(box, class_names[label], bool(hard)) for box, label, hard in rows)
    return (
        f"<annotation>\n\t<filename>{escape(entry.image.name)}</filename>\n"
        f"\t<size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n{objects}</annotation>\n"
    )


def _object(box: np.ndarray, name: str, difficult: bool) -> str:
    x1, y1, x2, y2 = (float(side) for side in box)
    sides = zip(("xmin", "ymin", "xmax", "ymax"), (x1 + 1, y1 + 1, x2, y2), strict=True)
    corners = "".join(f"<{tag}>{_decimal(value)}</{tag}>" for tag, value in sides)
    return (
        f"\t<object>\n\t\t<name>{escape(name)}</name>\n\t\t<difficult>{int(difficult)}</difficult>\n"
        f"\t\t<bndbox>{corners}</bndbox>\n\t</object>\n"
    )


def _decimal(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _losses(written: Sequence[Written], class_names: tuple[str, ...]) -> list[str]:
    lines = []
    crowds = flagged(written, "crowd")
    if crowds:
        lines.append(f"{counted(crowds, 'crowd')} became difficult objects; VOC has no crowds")
    points = sum(_points(entry.example.boxes) for entry in written)
    if points:
        lines.append(f"{counted(points, 'box')} of a single pixel will be read as clicks, and dropped")
    used = {int(label) for entry in written for label in entry.example.labels}
    unused = [name for label, name in enumerate(class_names) if label not in used]
    if unused:
        lines.append(f"{counted(len(unused), 'class')} without objects cannot be written: {', '.join(unused)}")
    if list(class_names) != sorted(class_names):
        lines.append("classes have no order in VOC; they will be read sorted by name")
    if any(entry.example.id != entry.image.stem for entry in written):
        lines.append("image ids are file names in VOC; some change")
    return lines


def _points(boxes: np.ndarray) -> int:
    return int(((boxes[:, 2:] - boxes[:, :2]) == 1).all(axis=1).sum())
