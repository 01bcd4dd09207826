"""Writing a data set in another format."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.format import Writer
from multibox.data.formats.recognize import FORMATS
from multibox.data.formats.written import Written
from multibox.errors import DataError, UsageError
from multibox.images.decode import known_image_size
from multibox.size import Size
from multibox.system.atomic import atomic_folder
from multibox.words import counted

Files = Literal["copy", "link", "none"]

_WRITERS = {form.name: form.writer for form in FORMATS if form.writer is not None}


def convert(
    dataset: Dataset | Mapping[str, Dataset], *, to: str, out: Path | str, files: Files = "copy"
) -> tuple[str, ...]:
    """Write a data set, or several splits by name, in the format `to` into the folder `out`.

    A single data set becomes the split "train". With `files` the image files are copied, linked (symbolic links) or
    left where they are ("none"); files that are not images are never copied. Boxes keep their pixels and classes their
    names; flags are kept if the format has them. The folder is written beside `out` and renamed at the end, so that
    `out` is complete or absent. Returns one line about each kind of information that is lost.

    Raises UsageError for an unknown format, for splits with different classes and for a folder that is not empty;
    DataError if a size is needed and neither image nor annotation gives it, or if a name is not UTF-8.
    """
    splits = {"train": dataset} if isinstance(dataset, Dataset) else dict(dataset)
    target = Path(out)
    _require_valid(splits, to, target, files)
    with atomic_folder(target) as folder:
        return tuple(_write(splits, to, folder, files))


def _write(splits: Mapping[str, Dataset], to: str, folder: Path, files: Files) -> list[str]:
    writer = _WRITERS[to]
    placing = _Placing(writer, folder)
    written = {split: [placing.place(example, split) for example in data] for split, data in splits.items()}
    lines = writer.write(written, next(iter(splits.values())).class_names, folder)
    missing, odd = _put(written, files) if files != "none" else ([], [])
    if missing:
        lines.append(f"{counted(len(missing), 'image')} not found, the first {missing[0]}; only its labels are written")
    if odd:
        lines.append(f"{counted(len(odd), 'file')} not copied, the first {odd[0]}; only images are copied")
    return lines


def _require_valid(splits: Mapping[str, Dataset], to: str, out: Path, files: str) -> None:
    if to not in _WRITERS:
        raise UsageError(f"format {to!r} cannot be written; choose one of {', '.join(_WRITERS)}")
    if files not in ("copy", "link", "none"):
        raise UsageError(f"files {files!r} is not a way to place images; choose copy, link or none")
    if not splits:
        raise UsageError("convert was given no split; give at least one data set")
    if len({data.class_names for data in splits.values()}) > 1:
        raise UsageError(f"the splits {', '.join(splits)} have different classes; convert each alone")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty; give a new folder")


class _Placing:
    """Gives each image its new file: its name, with a number if another image has the name."""

    def __init__(self, writer: Writer, folder: Path) -> None:
        self._writer, self._folder = writer, folder
        self._taken: set[str] = set()

    def place(self, example: Example, split: str) -> Written:
        """Return the example with its new file. Raises DataError if its size is unknown or its name is not UTF-8."""
        image, number = example.image, 2
        _require_utf8(image)
        stem = image.stem
        while stem.casefold() in self._taken:  # a file system may not distinguish case
            stem, number = f"{image.stem}_{number}", number + 1
        self._taken.add(stem.casefold())
        home = self._folder / self._writer.images.format(split=split)
        return Written(example, home / f"{stem}{image.suffix or '.jpg'}", self._size(example))

    def _size(self, example: Example) -> Size:
        real = known_image_size(example.image) if self._writer.relative or example.size is None else None
        size = (real or example.size) if self._writer.relative else (example.size or real)
        if size is None:
            raise DataError(f"{example.image} is missing and its annotation has no size; add the image")
        return size


def _require_utf8(image: Path) -> None:
    try:
        image.name.encode()
    except UnicodeEncodeError:
        raise DataError(f"the name of the image {str(image)!r} is not UTF-8; rename it") from None


def _put(written: Mapping[str, list[Written]], files: Literal["copy", "link"]) -> tuple[list[Path], list[Path]]:
    """Copy or link the images; return the missing ones, and the files that are not images."""
    missing, odd = [], []
    for entry in (entry for entries in written.values() for entry in entries):
        source = entry.example.image
        if not source.is_file():
            missing.append(source)
        elif known_image_size(source) is None:
            odd.append(source)
        else:
            entry.image.parent.mkdir(parents=True, exist_ok=True)
            if files == "link":
                entry.image.symlink_to(source.resolve())
            else:
                shutil.copyfile(source, entry.image)
    return missing, odd
