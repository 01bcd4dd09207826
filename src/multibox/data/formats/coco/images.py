"""Where the images of a COCO file are."""

from collections.abc import Iterator, Mapping
from itertools import islice
from os.path import normpath
from pathlib import Path
from typing import NamedTuple

from multibox.data.formats.coco.document import ImageEntry
from multibox.data.formats.files import NamedFiles, is_plain, usable_name
from multibox.data.formats.problem import Problem


class ImagePaths(NamedTuple):
    """Paths by image id, and faults for images that cannot be used; those have no path."""

    of: dict[str, Path]
    faults: list[Problem]


def image_paths(path: Path, entries: Mapping[str, ImageEntry], *, folder: Path | None, outside: bool) -> ImagePaths:
    """Return the path of each image of the file `path`, in `folder` or else in the usual places around the file.

    The usual place that has one of the first five images comes first; the other places are searched for images that
    it lacks. Images that exist nowhere get their path in the first place.
    """
    root = folder if folder is not None else _root(path)
    files = NamedFiles(root, outside=outside)
    places = [folder] if folder is not None else list(_usual_places(path))
    first = [entry.file_name for entry in islice(entries.values(), 5)]
    home = next((place for place in places if any(files.find(name, [place]) for name in first)), places[0])
    places = [home, *(place for place in places if place != home)]
    paths = ImagePaths({}, [])
    for key, entry in entries.items():
        found = files.find(entry.file_name, places)
        if found is None:
            found, message = _expected(entry.file_name, home, files)
            if message:
                paths.faults.append(Problem("passed_over", "warning", str(path), f"image {key}", message))
                continue
        paths.of[key] = found
    return paths


def _expected(name: str, home: Path, files: NamedFiles) -> tuple[Path, str]:
    """Return where a missing image should be, and why it cannot be used; "" if it is only missing."""
    if not usable_name(name):
        return home, "its file_name cannot be that of a file; left out, correct the name"
    if is_plain(name):
        return home / name, ""
    path = Path(normpath(home / name))
    if not files.allowed(path):
        return home, f"its file_name {name[:100]!r} leads out of the data set; left out, --outside reads it"
    return path, ""


def _root(path: Path) -> Path:
    home = path.absolute().parent
    return home.parent if home.name.casefold() in ("annotations", "labels") or _is_split(home.name) else home


def _is_split(name: str) -> bool:
    return name.casefold() in ("train", "valid", "val", "test")


def _usual_places(path: Path) -> Iterator[Path]:
    """Images of annotations/instances_train2017.json: train2017, images/train2017, images, data, or beside the file."""
    part, home = path.stem.removeprefix("instances_"), path.parent
    above = home.name.casefold() in ("annotations", "labels")
    for base in (home.parent, home) if above else (home,):
        yield from (base / part, base / "images" / part, base / "images", base / "data", base)
