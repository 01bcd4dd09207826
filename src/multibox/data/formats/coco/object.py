"""One annotation of a COCO file: its fields checked once, each fault with the name of the field.

Files have millions of annotations, so each field first asks for the type that nearly all of them have.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from multibox.data.formats.fields import flag, id_text, id_value, number, optional_number, required
from multibox.data.formats.record import Box, RawObject

MAX_PLAIN = 2**63


def parse_object(entry: Any, place: int) -> tuple[str, RawObject]:
    """Return the id of the image and the object of an annotation, the entry number `place` of the list.

    Required are image_id, category_id, and a bbox or a polygon. The other fields may be absent or null, and one that
    cannot be used counts as absent, except for a flag. Raises ValueError with the field and the rule.
    """
    if not isinstance(entry, dict):
        raise ValueError("is not an object; write image_id, category_id and bbox")
    image, category = _id(entry, "image_id"), _id(entry, "category_id")
    x, y, width, height = values = _box(entry)
    return image, RawObject(
        number=_annotation_id(entry, place),
        category=category,
        values=values,
        box=(x, y, x + width, y + height),
        difficult=_flag(entry, "difficult"),
        crowd=_flag(entry, "iscrowd"),
        area=optional_number(entry.get("area")),
    )


def _id(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if type(value) is int and 0 <= value < MAX_PLAIN:
        return str(value)
    value = required(entry, name)
    try:
        return id_text(value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _annotation_id(entry: Mapping[str, Any], place: int) -> int | str:
    value = entry.get("id")
    if type(value) is int and 0 <= value < MAX_PLAIN:
        return value
    try:
        return id_value(id_text(value))
    except ValueError:
        return place


def _flag(entry: Mapping[str, Any], name: str) -> bool:
    value = entry.get(name)
    if value is None or type(value) is int:
        return bool(value)
    try:
        return flag(value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _box(entry: Mapping[str, Any]) -> Box:
    """Return (x, y, width, height): the bbox, or the box around the polygons if there is no bbox."""
    bbox = entry.get("bbox")
    if isinstance(bbox, list) and len(bbox) == 4 and all(type(value) is float for value in bbox):
        return bbox[0], bbox[1], bbox[2], bbox[3]
    if isinstance(bbox, list) and bbox:
        if len(bbox) != 4:
            raise ValueError(f"bbox has {len(bbox)} numbers; write [x, y, width, height]")
        try:
            x, y, width, height = map(number, bbox)
        except ValueError as error:
            raise ValueError(f"bbox: a value {error}") from None
        return x, y, width, height
    if bbox is not None and not isinstance(bbox, list):
        raise ValueError(f"bbox is a {type(bbox).__name__}; write [x, y, width, height]")
    return _around(entry.get("segmentation"))


def _around(polygons: Any) -> Box:
    """Return (x, y, width, height) of the box around polygons [[x1, y1, x2, y2, …], …]."""
    message = "has no bbox of four numbers and no polygon; add one"
    if not isinstance(polygons, list) or not polygons:
        raise ValueError(message)
    lists: Sequence[Any] = polygons if all(isinstance(polygon, list) for polygon in polygons) else [polygons]
    try:
        values = [[number(value) for value in polygon] for polygon in lists]
    except ValueError:
        raise ValueError(message) from None
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in values):
        raise ValueError(message)
    xs = [x for polygon in values for x in polygon[::2]]
    ys = [y for polygon in values for y in polygon[1::2]]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
