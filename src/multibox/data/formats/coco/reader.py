"""Reader of one file of COCO instances."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from multibox.data.dataset import Dataset
from multibox.data.formats.examples import to_dataset
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Box, RawDataset, RawObject, Record
from multibox.errors import DataError
from multibox.images.decode import known_image_size
from multibox.size import Size
from multibox.words import listed


def read_coco(
    annotation_file: Path | str, *, images: Path | str | None = None, ids: Iterable[int] | Path | str | None = None
) -> Dataset:
    """Read a file of COCO instances; images need not exist.

    `images` is the folder of the images; without it the usual places around the file are tried. `ids` are the ids of
    the images to keep, or a file that lists them (one id per line, or a JSON list), such as the lists trainval35k and
    minival. Classes are the categories in the order of their ids, which may have gaps. Crowds get the flag `crowd`;
    an entry "difficult" of an annotation becomes the flag `difficult`. Images without annotations are kept.
    Boxes (x, y, width, height) are clipped to the image. Boxes without extent are dropped and listed in `problems`.

    Raises DataError if the file is not JSON of this kind, or an annotation has no box or an unknown category.
    """
    return to_dataset(scan_coco(annotation_file, images=images, ids=ids))


def scan_coco(
    annotation_file: Path | str, *, images: Path | str | None = None, ids: Iterable[int] | Path | str | None = None
) -> RawDataset:
    """Read the file as written; arguments as in `read_coco`."""
    path = Path(annotation_file)
    document = _document(path)
    categories = _categories(path, document)
    entries = _images(path, document)
    kept = entries if ids is None else _select(path, entries, ids)
    folder = Path(images) if images is not None else _image_folder(path, entries.values())
    faults: list[Problem] = []
    objects = _objects(path, document, entries, faults)
    return RawDataset(
        name=_name(path),
        format="coco",
        class_names=tuple(categories.values()),
        labels={str(category): label for label, category in enumerate(categories)},
        records=tuple(_record(path, folder, entry, objects.get(key, [])) for key, entry in kept.items()),
        noun="annotation",
        faults=tuple(faults),
        category_ids=tuple(categories),
        file_per_image=False,
    )


def read_ids(path: Path) -> list[int]:
    """Read image ids from a text file (one per line) or a JSON list. Raises DataError if the file is neither."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = json.loads(text) if text.lstrip().startswith("[") else text.split()
        return [int(value) for value in values]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} is not a list of image ids ({error}); write one number per line") from None


def _name(path: Path) -> str:
    """Return "coco train2017" for coco/annotations/instances_train2017.json."""
    home = path.resolve().parent
    root = home.parent if home.name == "annotations" else home
    return f"{root.name} {path.stem.removeprefix('instances_')}"


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); give a COCO instances file") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}); give a COCO instances file") from None
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise DataError(f'{path} has no list "images"; give a COCO instances file, not a file of results')
    return document


def _categories(path: Path, document: Mapping[str, Any]) -> dict[int, str]:
    """Return names by category id, sorted by id."""
    try:
        pairs = sorted((entry["id"], str(entry.get("name", entry["id"]))) for entry in document["categories"])
    except (KeyError, TypeError, AttributeError):
        raise DataError(f'{path} has no "categories" with an id each; add them') from None
    names = [name for _, name in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        same = listed(str(key) for key, name in pairs if name == twice)
        raise DataError(f"{path}: categories {same} are all named {twice!r}; give each its own name")
    return dict(pairs)


def _images(path: Path, document: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """Return the entries of "images" by id."""
    images: dict[int, Mapping[str, Any]] = {}
    for place, entry in enumerate(document["images"]):
        if not isinstance(entry, dict) or "id" not in entry or "file_name" not in entry:
            raise DataError(f'{path}: entry {place} of "images" has no "id" or no "file_name"; add it')
        if entry["id"] in images:
            raise DataError(f"{path}: two images have the id {entry['id']}; give each its own id")
        images[entry["id"]] = entry
    return images


def _select(
    path: Path, images: Mapping[int, Mapping[str, Any]], ids: Iterable[int] | Path | str
) -> dict[int, Mapping[str, Any]]:
    wanted = set(read_ids(Path(ids)) if isinstance(ids, str | Path) else ids)
    kept = {key: entry for key, entry in images.items() if key in wanted}
    if wanted and not kept:
        raise DataError(f"{path} has none of the {len(wanted)} image ids asked for; the list belongs to another file")
    return kept


def _objects(
    path: Path, document: Mapping[str, Any], images: Mapping[int, Any], faults: list[Problem]
) -> dict[int, list[RawObject]]:
    """Return objects by image id; annotations that cannot be read become faults."""
    objects: dict[int, list[RawObject]] = {}
    for place, entry in enumerate(_annotations(path, document), start=1):
        try:
            item = _object(entry, place)
        except (KeyError, TypeError, ValueError):
            number = entry.get("id", place) if isinstance(entry, dict) else place
            message = "has no image_id, no category_id or no bbox of four numbers; add them"
            faults.append(Problem("unparsable", "error", str(path), f"annotation {number}", message))
            continue
        if entry["image_id"] not in images:
            message = f"belongs to image {entry['image_id']}, which the file does not have; left out"
            faults.append(Problem("unknown_image", "warning", str(path), f"annotation {item.number}", message))
            continue
        objects.setdefault(entry["image_id"], []).append(item)
    return objects


def _annotations(path: Path, document: Mapping[str, Any]) -> Sequence[Any]:
    """Return the entries of "annotations"; a file without them describes images only."""
    entries = document.get("annotations", [])
    if not isinstance(entries, list):
        raise DataError(f'{path}: "annotations" is not a list; give a COCO instances file')
    return entries


def _object(entry: Mapping[str, Any], place: int) -> RawObject:
    x, y, width, height = (float(value) for value in entry["bbox"])
    values: Box = (x, y, width, height)
    return RawObject(
        number=int(entry.get("id", place)),
        category=str(entry["category_id"]),
        values=values,
        box=(x, y, x + width, y + height),
        difficult=bool(entry.get("difficult", False)),
        crowd=bool(entry.get("iscrowd", False)),
        area=float(entry["area"]) if "area" in entry else None,
    )


def _record(path: Path, folder: Path, entry: Mapping[str, Any], objects: list[RawObject]) -> Record:
    image = folder / entry["file_name"]
    width, height = entry.get("width"), entry.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return Record(image, str(entry["id"]), Size(height, width), path, tuple(objects))
    return Record(image, str(entry["id"]), known_image_size(image), path, tuple(objects), size_written=False)


def _image_folder(path: Path, entries: Iterable[Mapping[str, Any]]) -> Path:
    """Return the first usual place that has one of the first five images; the first place if none has."""
    names = [entry["file_name"] for entry, _ in zip(entries, range(5), strict=False)]
    places = list(_usual_places(path))
    found = (place for place in places if any((place / name).is_file() for name in names))
    return next(found, places[0])


def _usual_places(path: Path) -> Iterator[Path]:
    """Images of annotations/instances_train2017.json: train2017, images/train2017, images, or beside the file."""
    part, home = path.stem.removeprefix("instances_"), path.parent
    for base in (home.parent, home) if home.name == "annotations" else (home,):
        yield from (base / part, base / "images" / part, base / "images", base)
