"""One annotation of a COCO file: its fields checked once, each fault with the name of the field."""

from collections.abc import Mapping, Sequence
from typing import Any

from multibox.data.formats.fields import flag, id_text, id_value, number, optional_number, required
from multibox.data.formats.record import Box, RawObject


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
    value = required(entry, name)
    try:
        return id_text(value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _annotation_id(entry: Mapping[str, Any], place: int) -> int | str:
    try:
        return id_value(id_text(entry.get("id")))
    except ValueError:
        return place


def _flag(entry: Mapping[str, Any], name: str) -> bool:
    try:
        return flag(entry.get(name))
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _box(entry: Mapping[str, Any]) -> Box:
    """Return (x, y, width, height): the bbox, or the box around the polygons if there is no bbox."""
    bbox = entry.get("bbox")
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
