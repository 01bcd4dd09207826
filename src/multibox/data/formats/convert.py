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
from multibox.words import counted

Files = Literal["copy", "link", "none"]

_WRITERS = {form.name: form.writer for form in FORMATS if form.writer is not None}


def convert(
    dataset: Dataset | Mapping[str, Dataset], *, to: str, out: Path | str, files: Files = "copy"
) -> tuple[str, ...]:
    """Write a data set, or several splits by name, in the format `to` into the folder `out`.

    A single data set becomes the split "train". With `files` the image files are copied, linked (symbolic links) or
    left where they are ("none"). Boxes keep their pixels and classes their names; flags are kept if the format has
    them. Returns one line about each kind of information that is lost.

    Raises UsageError for an unknown format, for splits with different classes and for a folder that is not empty;
    DataError if a size is needed and neither image nor annotation gives it.
    """
    splits = {"train": dataset} if isinstance(dataset, Dataset) else dict(dataset)
    folder = Path(out)
    _require_valid(splits, to, folder, files)
    writer = _WRITERS[to]
    taken: set[str] = set()
    written = {
        split: [_place(example, folder / writer.images.format(split=split), taken, writer) for example in data]
        for split, data in splits.items()
    }
    missing = [] if files == "none" else [path for entries in written.values() for path in _put(entries, files)]
    names = next(iter(splits.values())).class_names
    lines = writer.write(written, names, folder)
    if missing:
        lines.append(f"{counted(len(missing), 'image')} not found, the first {missing[0]}; only its labels are written")
    return tuple(lines)


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


def _place(example: Example, home: Path, taken: set[str], writer: Writer) -> Written:
    """Return the example with its new file: the name of its image, with a number if another image has the name."""
    stem, number = example.image.stem, 2
    while stem in taken:
        stem, number = f"{example.image.stem}_{number}", number + 1
    taken.add(stem)
    real = known_image_size(example.image)
    size = (real or example.size) if writer.relative else (example.size or real)
    if size is None:
        raise DataError(f"{example.image} is missing and its annotation has no size; add the image")
    return Written(example, home / f"{stem}{example.image.suffix or '.jpg'}", size)


def _put(written: list[Written], files: Literal["copy", "link"]) -> list[Path]:
    """Copy or link the images; return those that are missing."""
    missing = []
    for entry in written:
        source = entry.example.image
        if not source.is_file():
            missing.append(source)
            continue
        entry.image.parent.mkdir(parents=True, exist_ok=True)
        if files == "link":
            entry.image.symlink_to(source.resolve())
        else:
            shutil.copyfile(source, entry.image)
    return missing
