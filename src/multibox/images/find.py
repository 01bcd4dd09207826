"""Image files that a user names: files, folders and patterns become a list of files."""

from collections.abc import Iterable
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from multibox.images.decode import IMAGE_SUFFIXES


@dataclass(frozen=True)
class FoundImages:
    """Image files, each once, and one line about each source without images."""

    files: tuple[Path, ...]
    problems: tuple[str, ...]


def find_images(sources: Iterable[Path | str]) -> FoundImages:
    """Return the named files, and the images of folders and patterns ("**" searches subfolders), sorted by name.

    A file that is named itself is returned whatever its suffix.
    """
    files: list[Path] = []
    problems: list[str] = []
    for source in map(Path, sources):
        found = _images_of(source)
        if not found:
            problems.append(_nothing_found(source))
        files += found
    return FoundImages(tuple(dict.fromkeys(files)), tuple(problems))


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
        return f"the folder {source} contains no images; for images in its subfolders give '{source}/**'"
    if has_magic(str(source)):
        return f"the pattern {str(source)!r} matches no images; check it, '**' searches subfolders"
    return f"{source} does not exist; give an image, a folder or a pattern such as 'photos/*.jpg'"
