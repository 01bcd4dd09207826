"""One XML annotation file of PASCAL VOC: parse it into raw objects."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from multibox.data.formats.fields import flag
from multibox.data.formats.files import usable_name
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Box, RawObject
from multibox.data.formats.voc.pixels import corners_to_box
from multibox.data.formats.voc.root_tag import other_format, xml_text
from multibox.errors import DataError
from multibox.size import Size
from multibox.words import escaped


@dataclass(frozen=True, slots=True)
class VocFile:
    """The content of an XML file.

    `size` is None and `filename` is "" if the file does not contain them. `faults` are objects that could not be read.
    """

    objects: tuple[RawObject, ...]
    size: Size | None
    filename: str
    faults: tuple[Problem, ...]


def parse_voc(path: Path, *, pixel_rule: str) -> VocFile | Problem:
    """Read one XML file by a pixel rule; return the reason if it cannot be read."""
    tree = _tree(path)
    if isinstance(tree, Problem):
        return tree
    items = list(_objects(path, tree, pixel_rule))
    return VocFile(
        objects=tuple(item for item in items if isinstance(item, RawObject)),
        size=_size(tree),
        filename=_filename(tree),
        faults=tuple(item for item in items if isinstance(item, Problem)),
    )


def class_names_in(path: Path) -> set[str]:
    """Return the class names of the objects in an XML file; none if it cannot be read."""
    tree = _tree(path)
    return set() if isinstance(tree, Problem) else {_text(node, "name") for node in tree.iterfind("object")} - {""}


def _tree(path: Path) -> Element | Problem:
    if not os.path.exists(path):
        message = "the split lists this file, but it does not exist; add it or remove its line from the list"
        return Problem("missing_labels", "error", str(path), None, message)
    try:
        tree = _without_namespace(ElementTree.fromstring(xml_text(path)))
    except DataError as error:
        message = str(error).removeprefix(escaped(f"{path} "))
        return Problem("unparsable", "error", str(path), None, message)
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        message = f"cannot be read as XML ({error}); repair or remove it"
        return Problem("unparsable", "error", str(path), None, message)
    if tree.tag != "annotation":
        return Problem("unparsable", "error", str(path), None, other_format(str(tree.tag)[:60]))
    return tree


def _filename(tree: Element) -> str:
    """Return the last part of <filename>; "" if no file can have this name."""
    written = _text(tree, "filename")
    return Path(written.replace("\\", "/")).name if usable_name(written) else ""


def _without_namespace(tree: Element) -> Element:
    """Return the tree with the plain names of its tags if its root has a namespace."""
    if tree.tag.startswith("{"):
        for node in tree.iter():
            node.tag = node.tag.rpartition("}")[2]
    return tree


def _objects(path: Path, tree: Element, pixel_rule: str) -> Iterator[RawObject | Problem]:
    for number, node in enumerate(tree.iterfind("object"), start=1):
        try:
            if not flag(_text(node, "deleted")):  # LabelMe keeps deleted objects
                yield _object(node, number, pixel_rule)
        except ValueError as error:
            place = f"object {number} ({_text(node, 'name') or 'no name'})"
            yield Problem("unparsable", "error", str(path), place, str(error))


def _object(node: Element, number: int, pixel_rule: str) -> RawObject:
    name = _text(node, "name")
    if not name:
        raise ValueError("has no <name>; add the class")
    bndbox = node.find("bndbox")
    if bndbox is None:
        raise ValueError("has no <bndbox>; only upright boxes can be read")
    x1, y1, x2, y2 = (_number(bndbox, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    corners = (x1, y1, x2, y2)
    box = corners if _is_click(corners) else corners_to_box(corners, rule=pixel_rule)
    return RawObject(number, name, corners, box, difficult=_flag(node, "difficult"))


def _is_click(corners: Box) -> bool:
    """Whether both corners are the same pixel: an accidental click. Such a box has no extent."""
    x1, y1, x2, y2 = corners
    return x1 == x2 and y1 == y2


def _number(bndbox: Element, tag: str) -> float:
    text = _text(bndbox, tag)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"<{tag}> is {text!r}, which is not a number; write the corner in pixels") from None


def _flag(node: Element, tag: str) -> bool:
    try:
        return flag(_text(node, tag))
    except ValueError as error:
        raise ValueError(f"<{tag}> {error}") from None


def _text(node: Element, tag: str) -> str:
    return (node.findtext(tag) or "").strip()


def _size(tree: Element) -> Size | None:
    """Return the size in the file; None if the tag is missing or 0, as some labeling tools write it."""
    try:
        width, height = int(float(_text(tree, "size/width"))), int(float(_text(tree, "size/height")))
    except (ValueError, OverflowError):
        return None
    return Size(height, width) if 0 < width < 2**31 and 0 < height < 2**31 else None
