"""The parts of a COCO file: images, categories and annotations, each entry checked once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from multibox.data.formats.fields import id_order, id_text, number, required
from multibox.data.formats.files import MAX_CLASSES
from multibox.data.formats.problem import Problem
from multibox.errors import DataError
from multibox.size import Size
from multibox.system.json import read_json
from multibox.words import listed

MAX_COCO_BYTES = 4 * 2**30


class ImageEntry(NamedTuple):
    """The name of an image as written, and its size; None if the file does not give one."""

    file_name: str
    size: Size | None


class Document(NamedTuple):
    """Names of categories and entries of images by normalized id, and the annotations as written.

    `faults` are entries of images that cannot be used; `unusable` are their ids, if they have one.
    """

    categories: dict[str, str]
    images: dict[str, ImageEntry]
    annotations: Sequence[Any]
    faults: tuple[Problem, ...]
    unusable: frozenset[str]


def read_document(path: Path) -> Document:
    """Read a file of COCO instances. Raises DataError if it is not JSON of this kind."""
    document = read_json(path, limit=MAX_COCO_BYTES)
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise DataError(f'{path} has no list "images"; give a COCO instances file, not a file of results')
    faults: list[Problem] = []
    unusable: set[str] = set()
    images = _images(path, document["images"], faults, unusable)
    annotations = document.get("annotations")
    if annotations is not None and not isinstance(annotations, list):
        raise DataError(f'{path}: "annotations" is not a list; give a COCO instances file')
    return Document(_categories(path, document), images, annotations or [], tuple(faults), frozenset(unusable))


def _categories(path: Path, document: Mapping[str, Any]) -> dict[str, str]:
    """Return names by category id, sorted by id."""
    entries = document.get("categories")
    if not isinstance(entries, list):
        raise DataError(f'{path} has no "categories" with an id each; add them')
    if len(entries) > MAX_CLASSES:
        raise DataError(f"{path} has {len(entries):,} categories; at most {MAX_CLASSES:,} are read")
    names: dict[str, str] = {}
    for place, entry in enumerate(entries, start=1):
        key, name = _category(path, place, entry)
        if key in names:
            raise DataError(f"{path}: two categories have the id {key}; give each its own id")
        names[key] = name
    by_name: dict[str, list[str]] = {}
    for key, name in names.items():
        by_name.setdefault(name, []).append(key)
    same = next(((name, keys) for name, keys in by_name.items() if len(keys) > 1), None)
    if same is not None:
        raise DataError(f"{path}: categories {listed(same[1])} are all named {same[0]!r}; give each its own name")
    return {key: names[key] for key in sorted(names, key=id_order)}


def _category(path: Path, place: int, entry: Any) -> tuple[str, str]:
    """Return id and name; a category without a name is named by its id."""
    if not isinstance(entry, dict):
        raise DataError(f'{path} has no "categories" with an id each; entry {place} is not an object; correct it')
    try:
        key = id_text(required(entry, "id"))
    except ValueError as error:
        raise DataError(f'{path} has no "categories" with an id each; the id of entry {place} {error}') from None
    name = entry.get("name")
    if name is not None and not isinstance(name, str | int | float):
        raise DataError(f"{path}: the name of category {key} is not text; correct it")
    return key, str(name).strip() if name is not None and str(name).strip() else key


def _images(path: Path, entries: Sequence[Any], faults: list[Problem], unusable: set[str]) -> dict[str, ImageEntry]:
    """Return the entries of "images" by id; those without a usable id or name become faults."""
    images: dict[str, ImageEntry] = {}
    for place, entry in enumerate(entries, start=1):
        key = None
        try:
            if not isinstance(entry, dict):
                raise ValueError("is not an object; write id and file_name")
            key = _id(entry)
            name = required(entry, "file_name")
            if not isinstance(name, str) or not name.strip():
                raise ValueError("has a file_name that is not text; write the name of the image")
        except ValueError as error:
            unusable.update(() if key is None else (key,))
            faults.append(Problem("unparsable", "error", str(path), f"image {key or place}", str(error)))
            continue
        if key in images:
            raise DataError(f"{path}: two images have the id {key}; give each its own id")
        images[key] = ImageEntry(name, _size(entry))
    return images


def _id(entry: Mapping[str, Any]) -> str:
    try:
        return id_text(required(entry, "id"))
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith("has no") else f"id {text}") from None


def _size(entry: Mapping[str, Any]) -> Size | None:
    """Return the size that the file gives, None if it gives none that an image can have."""
    try:
        width, height = number(entry.get("width")), number(entry.get("height"))
    except ValueError:
        return None
    if not (0 < width < 2**31 and 0 < height < 2**31 and width == int(width) and height == int(height)):
        return None
    return Size(int(height), int(width))
