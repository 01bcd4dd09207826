"""Reader of one file of COCO instances."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from multibox.data.dataset import Dataset
from multibox.data.formats.coco.document import Document, ImageEntry, read_document
from multibox.data.formats.coco.images import image_paths
from multibox.data.formats.coco.object import parse_object
from multibox.data.formats.examples import to_dataset
from multibox.data.formats.fields import id_text, id_value
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, RawObject, Record
from multibox.errors import DataError
from multibox.images.decode import known_image_size
from multibox.system.json import parse_json
from multibox.system.process import without_collection
from multibox.system.text import read_text

Ids = Iterable[int | str] | Path | str


def read_coco(
    annotation_file: Path | str, *, images: Path | str | None = None, ids: Ids | None = None, outside: bool = False
) -> Dataset:
    """Read a file of COCO instances; images need not exist.

    `images` is the folder of the images; without it the usual places around the file are tried. `ids` are the ids of
    the images to keep, or a file that lists them (one id per line, or a JSON list), such as the lists trainval35k and
    minival. Classes are the categories in the order of their ids, which may have gaps. Crowds get the flag `crowd`;
    an entry "difficult" of an annotation becomes the flag `difficult`. Images without annotations are kept.
    Boxes (x, y, width, height) are clipped to the image. Boxes without extent are dropped and listed in `problems`.
    Ids may be numbers or text: 1 and "1" are the same id. An annotation without a box gets the box around its polygon.
    Images outside the folder of the data set are left out unless `outside` is set.

    Raises DataError if the file is not JSON of this kind, or an annotation has no box or an unknown category.
    """
    return to_dataset(scan_coco(annotation_file, images=images, ids=ids, outside=outside))


@without_collection()
def scan_coco(
    annotation_file: Path | str, *, images: Path | str | None = None, ids: Ids | None = None, outside: bool = False
) -> RawDataset:
    """Read the file as written; arguments as in `read_coco`."""
    path = Path(annotation_file)
    document = read_document(path)
    faults = list(document.faults)
    kept = document.images if ids is None else _select(path, document.images, ids)
    paths = image_paths(path, document.images, folder=None if images is None else Path(images), outside=outside)
    faults += paths.faults
    objects = _objects(path, document, faults)
    faults += _relative_boxes(path, document, objects)
    return RawDataset(
        name=_name(path),
        format="coco",
        class_names=tuple(document.categories.values()),
        labels={category: label for label, category in enumerate(document.categories)},
        records=tuple(
            _record(path, paths.of[key], key, entry, objects.get(key, []))
            for key, entry in kept.items()
            if key in paths.of
        ),
        noun="annotation",
        faults=tuple(faults),
        category_ids=tuple(map(id_value, document.categories)),
        file_per_image=False,
    )


def read_ids(path: Path) -> list[str]:
    """Read image ids from a text file (one per line) or a JSON list. Raises DataError if the file is neither."""
    text = read_text(path)
    values = parse_json(text, name=str(path)) if text.lstrip().startswith("[") else text.split()
    try:
        return [id_text(value) for value in values]
    except ValueError as error:
        raise DataError(f"{path} is not a list of image ids (one {error}); write one id per line") from None


def _name(path: Path) -> str:
    """Return "coco train2017" for coco/annotations/instances_train2017.json."""
    home = path.resolve().parent
    root = home.parent if home.name == "annotations" else home
    return f"{root.name} {path.stem.removeprefix('instances_')}"


def _select(path: Path, images: Mapping[str, ImageEntry], ids: Ids) -> dict[str, ImageEntry]:
    wanted = set(read_ids(Path(ids)) if isinstance(ids, str | Path) else map(id_text, ids))
    kept = {key: entry for key, entry in images.items() if key in wanted}
    if wanted and not kept:
        raise DataError(f"{path} has none of the {len(wanted)} image ids asked for; the list belongs to another file")
    return kept


def _objects(path: Path, document: Document, faults: list[Problem]) -> dict[str, list[RawObject]]:
    """Return objects by image id; annotations that cannot be read become faults."""
    objects: dict[str, list[RawObject]] = {}
    for place, entry in enumerate(document.annotations, start=1):
        try:
            image, item = parse_object(entry, place)
        except ValueError as error:
            faults.append(Problem("unparsable", "error", str(path), f"annotation {_number(entry, place)}", str(error)))
            continue
        if image in document.images:
            objects.setdefault(image, []).append(item)
        elif image not in document.unusable:
            message = f"belongs to image {image}, which the file does not have; left out"
            faults.append(Problem("unknown_image", "warning", str(path), f"annotation {item.number}", message))
    return objects


def _relative_boxes(path: Path, document: Document, objects: Mapping[str, list[RawObject]]) -> list[Problem]:
    """Return the fault of a file whose boxes are all between 0 and 1, as shares of the image and not in pixels."""
    boxes = [item.box for items in objects.values() for item in items]
    if not boxes or not all(min(box) >= 0 and max(box) <= 1 and box != (0, 0, 1, 1) for box in boxes):
        return []
    if all(entry.size is not None and max(entry.size) <= 1 for entry in document.images.values()):
        return []
    message = "all boxes are between 0 and 1; COCO's are in pixels, so multiply them by the size of the image"
    return [Problem("unparsable", "error", str(path), None, message)]


def _number(entry: Any, place: int) -> str:
    try:
        return id_text(entry["id"])
    except (ValueError, TypeError, KeyError):
        return str(place)


def _record(path: Path, image: Path, key: str, entry: ImageEntry, objects: Sequence[RawObject]) -> Record:
    if entry.size is not None:
        return Record(image, key, entry.size, path, tuple(objects))
    return Record(image, key, known_image_size(image), path, tuple(objects), size_written=False)
