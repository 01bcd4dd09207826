"""Image files that a user names: files, folders and patterns become a list of files."""

from collections.abc import Iterable
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from multibox.errors import DataError
from multibox.images.decode import IMAGE_SUFFIXES, UNSUPPORTED_SUFFIXES
from multibox.words import counted

_LARGEST_STREAM = 1 << 30  # bytes


@dataclass(frozen=True)
class FoundImages:
    """Image files, each once, and one line about each source without images."""

    files: tuple[Path, ...]
    problems: tuple[str, ...]


def find_images(sources: Iterable[Path | str]) -> FoundImages:
    """Return the named files, and the images of folders and patterns ("**" searches subfolders), sorted by name.

    A file that is named directly is returned with any suffix. Hidden files of folders and patterns are left out.
    """
    files: list[Path] = []
    problems: list[str] = []
    for source in sources:
        if not str(source):
            problems.append("'' is an empty name: give an image, a folder or a pattern such as 'photos/*.jpg'")
            continue
        candidates = _candidates(Path(source))
        found = [path for path in candidates if path == Path(source) or path.suffix.lower() in IMAGE_SUFFIXES]
        skipped = [path for path in candidates if path.suffix.lower() in UNSUPPORTED_SUFFIXES and path not in found]
        if skipped:
            problems.append(_not_readable(source, skipped))
        elif not found:
            problems.append(_nothing_found(Path(source)))
        files += found
    return FoundImages(tuple(dict.fromkeys(files)), tuple(problems))


def once_readable(path: Path) -> Path | bytes:
    """Return the content of a pipe, which can be read only once, and any other path itself.

    Raises DataError if the content is larger than a gigabyte.
    """
    if not path.is_fifo():
        return path
    with open(path, "rb") as file:
        content = file.read(_LARGEST_STREAM + 1)
    if len(content) > _LARGEST_STREAM:
        raise DataError(f"{path} gives more than {_LARGEST_STREAM:,} bytes; give one image")
    return content


def _candidates(source: Path) -> list[Path]:
    """The named file itself, or the visible files of a folder or a pattern."""
    if source.is_dir():
        return _visible(source.iterdir())
    if source.exists():
        return [source]
    return _visible(map(Path, glob(str(source), recursive=True))) if has_magic(str(source)) else []


def _visible(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if not path.name.startswith(".") and path.is_file())


def _not_readable(source: Path | str, skipped: list[Path]) -> str:
    kinds = ", ".join(sorted({path.suffix.lower() for path in skipped}))
    return f"{source}: {counted(len(skipped), 'image')} of the kind {kinds} cannot be read; convert them to JPEG"


def _nothing_found(source: Path) -> str:
    if source.is_dir():
        return f"the folder {source} contains no images; for images in its subfolders give '{source}/**'"
    if has_magic(str(source)):
        return f"the pattern {str(source)!r} matches no images; check it, '**' searches subfolders"
    return f"{source} does not exist; give an image, a folder or a pattern such as 'photos/*.jpg'"
