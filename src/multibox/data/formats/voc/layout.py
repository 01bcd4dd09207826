"""Where a VOC data set keeps its annotations, images and splits: devkits, years, single folders, split folders."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from multibox.errors import DataError
from multibox.images.decode import IMAGE_SUFFIXES
from multibox.words import listed

_IMAGE_FOLDERS = ("JPEGImages", "images", "Images", "imgs")
_ANNOTATION_FOLDERS = ("Annotations", "annotations", "xmls", "labels")
_SPLIT_FOLDERS = ("train", "valid", "val", "test")


@dataclass(frozen=True)
class VocFolder:
    """One folder of XML files with the images they describe. `part` is its year or split, "" where there is one.

    `splits` maps the names of the lists in ImageSets to their files.
    """

    root: Path
    part: str
    annotations: Path
    images: Path
    splits: dict[str, Path]

    @cached_property
    def image_files(self) -> dict[str, Path]:
        """Images by file stem."""
        files = sorted(path for path in _entries(self.images) if path.suffix.lower() in IMAGE_SUFFIXES)
        return {path.stem: path for path in reversed(files)}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The stems of all XML files in order."""
        return tuple(sorted(path.stem for path in _entries(self.annotations) if path.suffix.lower() == ".xml"))


def find_voc(root: Path) -> tuple[VocFolder, ...]:
    """The VOC folders at or below `root`, years in order; () where there is none."""
    if root.name in _ANNOTATION_FOLDERS and _has_xml(root):
        root = root.parent
    for base in (root, root / "VOCdevkit"):
        here = _folder(base, _year(base.name) or "")
        if here:
            return (here,)
        if not base.is_dir():
            continue
        below = [(child, _year(child.name)) for child in sorted(base.iterdir()) if child.is_dir()]
        years = [folder for child, year in below if year and (folder := _folder(child, year))]
        if years:
            return tuple(years)
    parts = [(name, _folder(root / name, name)) for name in _SPLIT_FOLDERS]
    return tuple(folder for _, folder in parts if folder)


def is_voc_year(folder: VocFolder) -> bool:
    """Whether the folder is named as those of the VOC challenge are: VOC2007, VOC2012."""
    return bool(_year(folder.root.name))


def split_ids(folder: VocFolder, split: str) -> tuple[str, ...] | None:
    """The ids of a split in its order; "all" is every XML file; None where the folder has no such split."""
    if split in folder.splits:
        return tuple(_list_ids(folder.splits[split]))
    if split == "all" or (split == folder.part and not _year_like(split)):
        return folder.ids
    return None


def split_names(folders: tuple[VocFolder, ...]) -> list[str]:
    """Splits that exist, lists for one class ("dog_trainval") left out."""
    names = {
        name for folder in folders for name in folder.splits if not re.search(r"_(train|val|trainval|test)$", name)
    }
    names |= {folder.part for folder in folders if folder.part and not _year_like(folder.part)}
    return [*sorted(names), "all"]


def choose(folders: tuple[VocFolder, ...], split: str, root: Path) -> list[tuple[VocFolder, tuple[str, ...]]]:
    """The folders with the ids that a split means: "trainval", or "2007:trainval+2012:trainval" for years by name."""
    chosen = []
    for term in split.split("+"):
        year, _, name = term.strip().rpartition(":")
        inside = [folder for folder in folders if not year or folder.part == year.removeprefix("VOC")]
        if not inside:
            raise DataError(f"year {year!r} is not in {root}; it has {listed(folder.part for folder in folders)}")
        found = [(folder, ids) for folder in inside if (ids := split_ids(folder, name)) is not None]
        if not found:
            raise DataError(f"split {name!r} does not exist in {root}; it has {listed(split_names(tuple(inside)))}")
        chosen += found
    return chosen


def _list_ids(path: Path) -> list[str]:
    """First column of a list; lines whose second column is -1 say that the class is absent."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of image names ({error}); save it as UTF-8 text") from None
    rows = [line.split() for line in lines if line.strip()]
    return list(dict.fromkeys(row[0] for row in rows if len(row) < 2 or row[1] != "-1"))


def _folder(root: Path, part: str) -> VocFolder | None:
    annotations = next((root / name for name in _ANNOTATION_FOLDERS if _has_xml(root / name)), None)
    if annotations is None:
        if not _has_xml(root):
            return None
        annotations = root
    images = next((root / name for name in _IMAGE_FOLDERS if (root / name).is_dir()), annotations)
    lists = next((folder for folder in (root / "ImageSets/Main", root / "ImageSets") if folder.is_dir()), None)
    splits = {path.stem: path for path in sorted(lists.glob("*.txt"))} if lists else {}
    return VocFolder(root, part, annotations, images, splits)


def _year(name: str) -> str | None:
    match = re.fullmatch(r"VOC(\d{4})", name)
    return match[1] if match else None


def _year_like(part: str) -> bool:
    return part.isdigit()


def _has_xml(folder: Path) -> bool:
    return any(path.suffix.lower() == ".xml" for path in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
