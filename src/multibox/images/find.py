"""What a user names as images: files, folders and patterns, turned into a list of files; and where results go."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.errors import UsageError
from multibox.images.decode import IMAGE_SUFFIXES

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")


@dataclass(frozen=True)
class Images:
    """The image files found, each once, and a line about each source that gave none."""

    files: tuple[Path, ...]
    problems: tuple[str, ...]


def find_images(sources: Iterable[Path | str]) -> Images:
    """Files as they are named; of a folder and of a pattern ("**" reaches into folders) the images, sorted by name.

    A file that is named itself is taken whatever its suffix.
    """
    files: list[Path] = []
    problems: list[str] = []
    for source in map(Path, sources):
        found = _images_of(source)
        if not found:
            problems.append(_nothing_found(source))
        files += found
    return Images(tuple(dict.fromkeys(files)), tuple(problems))


def _images_of(source: Path) -> list[Path]:
    if source.is_dir():
        return _sorted_images(source.iterdir())
    if source.exists():
        return [source]
    return _sorted_images(map(Path, glob(str(source), recursive=True))) if has_magic(str(source)) else []


def _sorted_images(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())


def _nothing_found(source: Path) -> str:
    if source.is_dir():
        return f"the folder {source} holds no images; for those in folders below it give '{source}/**'"
    if has_magic(str(source)):
        return f"the pattern {str(source)!r} matches no images; check it, '**' reaches into folders"
    return f"{source} does not exist; give an image, a folder or a pattern such as 'photos/*.jpg'"


def result_paths(files: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Where the image drawn for each file goes: its name in `folder`, JPEG for JPEG and PNG for all others.

    Equal names get a number: a.jpg, a-2.jpg. Raises UsageError where a result would replace one of the files,
    or `folder` is none.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file: give a folder; it is made where there is none")
    taken: set[str] = set()
    targets = {file: folder / _free_name(file, taken) for file in files}
    originals = {file.resolve() for file in files}
    for target in targets.values():
        if target.resolve() in originals:
            raise UsageError(f"--out {folder} would write over the image {target}: choose another folder")
    return targets


def _free_name(file: Path, taken: set[str]) -> str:
    suffix = file.suffix if file.suffix.lower() in _JPEG_SUFFIXES else ".png"
    name, number = f"{file.stem}{suffix}", 1
    while name.lower() in taken:
        number += 1
        name = f"{file.stem}-{number}{suffix}"
    taken.add(name.lower())
    return name


def write_image(path: Path, image: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write an RGB image as JPEG (quality 95) or PNG, by the suffix; OSError where it cannot be written."""
    jpeg = path.suffix.lower() in _JPEG_SUFFIXES
    settings = [cv2.IMWRITE_JPEG_QUALITY, 95] if jpeg else []
    _, data = cv2.imencode(".jpg" if jpeg else ".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())
