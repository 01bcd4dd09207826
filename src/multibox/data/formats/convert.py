"""Writing a data set in another format."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.coco.writer import write_coco
from multibox.data.formats.voc.writer import write_voc
from multibox.data.formats.written import Written
from multibox.data.formats.yolo.writer import write_yolo
from multibox.errors import DataError, UsageError
from multibox.images.decode import known_image_size
from multibox.words import counted

Images = Literal["copy", "link", "none"]

_WRITERS = {"coco": write_coco, "voc": write_voc, "yolo": write_yolo}
_IMAGE_FOLDERS = {"coco": "{split}", "voc": "JPEGImages", "yolo": "images/{split}"}


def convert(
    dataset: Dataset | Mapping[str, Dataset], *, to: str, out: Path | str, images: Images = "copy"
) -> tuple[str, ...]:
    """Write a data set, or several splits of one by name, as "coco", "voc" or "yolo" into the folder `out`.

    A single data set becomes the split "train". `images` are copied, linked (symbolic links to where they are) or
    not placed at all. Boxes keep their pixels and classes their names; flags are kept where the format has them.
    Gives lines about what it has not. Raises UsageError for an unknown format, splits of different classes and a
    folder that holds something already, DataError where a size is needed and neither image nor annotation has it.
    """
    splits = {"train": dataset} if isinstance(dataset, Dataset) else dict(dataset)
    folder = Path(out)
    _require(splits, to, folder, images)
    taken: set[str] = set()
    written: dict[str, list[Written]] = {}
    missing: list[Path] = []
    for split, data in splits.items():
        home = folder / _IMAGE_FOLDERS[to].format(split=split)
        written[split] = [_place(example, home, taken, to) for example in data]
        missing += _put(written[split], images)
    names = next(iter(splits.values())).class_names
    lines = _WRITERS[to](written, names, folder)
    if missing and images != "none":
        lines.append(f"{counted(len(missing), 'image')} not found, the first {missing[0]}; labels alone are written")
    return tuple(lines)


def _require(splits: Mapping[str, Dataset], to: str, out: Path, images: str) -> None:
    if to not in _WRITERS:
        raise UsageError(f"format {to!r} cannot be written; choose one of {', '.join(_WRITERS)}")
    if images not in ("copy", "link", "none"):
        raise UsageError(f"images {images!r} is no way to place them; choose copy, link or none")
    if not splits:
        raise UsageError("convert was given no split; give at least one data set")
    if len({data.class_names for data in splits.values()}) > 1:
        raise UsageError(f"the splits {', '.join(splits)} have different classes; convert each alone")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty; give a new folder")


def _place(example: Example, home: Path, taken: set[str], to: str) -> Written:
    """The example with its new file: the image's own name, with a number where another image has it already."""
    stem, number = example.image.stem, 2
    while stem in taken:
        stem, number = f"{example.image.stem}_{number}", number + 1
    taken.add(stem)
    real = known_image_size(example.image)
    size = (real or example.size) if to == "yolo" else (example.size or real)
    if size is None:
        raise DataError(f"{example.image} is missing and its annotation has no size; add the image")
    return Written(example, home / f"{stem}{example.image.suffix or '.jpg'}", size)


def _put(written: list[Written], images: Images) -> list[Path]:
    """Copy or link the images; those that are missing."""
    if images == "none":
        return []
    missing = []
    for entry in written:
        source = entry.example.image
        if not source.is_file():
            missing.append(source)
            continue
        entry.image.parent.mkdir(parents=True, exist_ok=True)
        if images == "link":
            entry.image.symlink_to(source.resolve())
        else:
            shutil.copyfile(source, entry.image)
    return missing
