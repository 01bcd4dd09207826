"""One annotation file of VOC's kind. Only here are VOC's pixels known, which count from 1 and include both ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Box, RawObject
from multibox.size import Size

PIXEL_RULES = ("voc", "caffe")


@dataclass(frozen=True, slots=True)
class VocFile:
    """What an XML file says: objects, size or None, the image's file name ("" where it is silent).

    `faults` are objects that could not be read.
    """

    objects: tuple[RawObject, ...]
    size: Size | None
    filename: str
    faults: tuple[Problem, ...]


def parse_voc(path: Path, *, pixels: str) -> VocFile | Problem:
    """Read one XML file under a pixel rule, or say why it cannot be read."""
    tree = _tree(path)
    if isinstance(tree, Problem):
        return tree
    items = list(_objects(path, tree, pixels))
    return VocFile(
        objects=tuple(item for item in items if isinstance(item, RawObject)),
        size=_size(tree),
        filename=Path(_text(tree, "filename").replace("\\", "/")).name,
        faults=tuple(item for item in items if isinstance(item, Problem)),
    )


def class_names_in(path: Path) -> set[str]:
    """The class names of the objects in an XML file; none where it cannot be read."""
    tree = _tree(path)
    return set() if isinstance(tree, Problem) else {_text(node, "name") for node in tree.iterfind("object")} - {""}


def voc_box(values: Box, pixels: str) -> Box:
    """Corners as written to continuous pixels.

    "voc" takes 1 from the minimum corner, "caffe" takes the numbers as they stand. A point, both corners on one pixel,
    is a click and no object: it stays without extent.
    """
    x1, y1, x2, y2 = values
    if pixels == "caffe" or (x1 == x2 and y1 == y2):
        return values
    return x1 - 1, y1 - 1, x2, y2


def _tree(path: Path) -> Element | Problem:
    try:
        return ElementTree.fromstring(path.read_bytes())
    except FileNotFoundError:
        message = "the split names this file, but it does not exist; add it or take its line out"
        return Problem("missing_labels", "error", str(path), None, message)
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
        message = f"is no XML that can be read ({error}); repair or remove it"
        return Problem("unparsable", "error", str(path), None, message)


def _objects(path: Path, tree: Element, pixels: str) -> Iterator[RawObject | Problem]:
    for number, node in enumerate(tree.iterfind("object"), start=1):
        try:
            yield _object(node, number, pixels)
        except ValueError as error:
            place = f"object {number} ({_text(node, 'name') or 'no name'})"
            yield Problem("unparsable", "error", str(path), place, str(error))


def _object(node: Element, number: int, pixels: str) -> RawObject:
    name = _text(node, "name")
    if not name:
        raise ValueError("has no <name>; add the class")
    box = node.find("bndbox")
    if box is None:
        raise ValueError("has no <bndbox>; only upright boxes can be read")
    x1, y1, x2, y2 = (_number(box, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    values = (x1, y1, x2, y2)
    return RawObject(number, name, values, voc_box(values, pixels), difficult=_flag(node, "difficult"))


def _number(box: Element, tag: str) -> float:
    text = _text(box, tag)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"<{tag}> is {text!r}, which is no number; write the corner in pixels") from None


def _flag(node: Element, tag: str) -> bool:
    return _text(node, tag).lower() in ("1", "true", "yes")


def _text(node: Element, tag: str) -> str:
    return (node.findtext(tag) or "").strip()


def _size(tree: Element) -> Size | None:
    """The size in the annotation, None if the tag is missing or says 0, as some labeling tools write."""
    try:
        width, height = int(float(_text(tree, "size/width"))), int(float(_text(tree, "size/height")))
    except (ValueError, OverflowError):
        return None
    return Size(height, width) if width > 0 and height > 0 else None
