"""Writer of PASCAL VOC: Annotations/*.xml and ImageSets/Main/<split>.txt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from multibox.data.formats.voc.pixels import box_to_corners
from multibox.data.formats.written import Written, count_flagged, write_text
from multibox.words import counted

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def write_voc(
    splits: Mapping[str, Sequence[Written]], class_names: tuple[str, ...], out: Path, *, folder: str | None = None
) -> list[str]:
    """Write every split and return one line about each kind of information that is lost.

    Corners follow the rule "voc"; those that are not whole pixels have decimals. Crowds, which VOC does not have,
    become difficult objects, as the official reader treats them. `folder` is the content of the tag <folder>, by
    default the name of `out`.
    """
    for part in ("Annotations", "ImageSets/Main"):
        (out / part).mkdir(parents=True, exist_ok=True)
    for split, written in splits.items():
        for entry in written:
            document = _document(entry, class_names, out.resolve().name if folder is None else folder)
            write_text(out / f"Annotations/{entry.image.stem}.xml", _xml(document))
        stems = "".join(f"{entry.image.stem}\n" for entry in written)
        write_text(out / f"ImageSets/Main/{split}.txt", stems)
    return _losses([entry for written in splits.values() for entry in written], class_names)


def _xml(root: Element) -> str:
    """Return the XML of a document, with the declaration that ElementTree writes to files."""
    return f"<?xml version='1.0' encoding='utf-8'?>\n{tostring(root, encoding='unicode')}"


def _document(entry: Written, class_names: tuple[str, ...], folder: str) -> Element:
    example = entry.example
    root = Element("annotation")
    _add_texts(root, {"folder": folder, "filename": entry.image.name})
    height, width = entry.size
    _add_texts(SubElement(root, "size"), {"width": width, "height": height, "depth": 3})
    _add_texts(root, {"segmented": 0})
    rows = zip(example.boxes.tolist(), example.labels, example.difficult | example.crowd, strict=True)
    for (x1, y1, x2, y2), label, difficult in rows:
        node = SubElement(root, "object")
        tags = {"name": class_names[label], "pose": "Unspecified", "truncated": 0, "difficult": int(difficult)}
        _add_texts(node, tags)
        corners = map(_decimal, box_to_corners((x1, y1, x2, y2)))
        _add_texts(SubElement(node, "bndbox"), dict(zip(_CORNERS, corners, strict=True)))
    indent(root)
    return root


def _add_texts(node: Element, texts: Mapping[str, str | int]) -> None:
    for tag, text in texts.items():
        SubElement(node, tag).text = str(text)


def _decimal(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _losses(written: Sequence[Written], class_names: tuple[str, ...]) -> list[str]:
    lines = []
    crowds = count_flagged(written, "crowd")
    if crowds:
        lines.append(f"{counted(crowds, 'crowd')} became difficult objects; VOC has no crowds")
    clicks = sum(_single_pixels(entry.example.boxes) for entry in written)
    if clicks:
        lines.append(f"{counted(clicks, 'box')} of a single pixel will be read as clicks, and dropped")
    used = {int(label) for entry in written for label in entry.example.labels}
    unused = [name for label, name in enumerate(class_names) if label not in used]
    if unused:
        lines.append(f"{counted(len(unused), 'class')} without objects cannot be written: {', '.join(unused)}")
    if list(class_names) != sorted(class_names):
        lines.append("classes have no order in VOC; they will be read sorted by name")
    if any(entry.example.id != entry.image.stem for entry in written):
        lines.append("image ids are file names in VOC; some change")
    return lines


def _single_pixels(boxes: np.ndarray) -> int:
    return int(((boxes[:, 2:] - boxes[:, :2]) == 1).all(axis=1).sum())
