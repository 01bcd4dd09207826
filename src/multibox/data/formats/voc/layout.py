"""Where a VOC data set keeps annotations, images and lists: devkits, years, single folders, folders of splits."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from multibox.errors import DataError
from multibox.images.decode import IMAGE_SUFFIXES

_IMAGE_FOLDERS = ("JPEGImages", "images", "Images", "imgs")
_ANNOTATION_FOLDERS = ("Annotations", "annotations", "xmls", "labels")
_SPLIT_FOLDERS = ("train", "valid", "val", "test")
_LIST_OF_ONE_CLASS = re.compile(r"_(train|val|trainval|test)$")  # such as dog_trainval


@dataclass(frozen=True)
class VocFolder:
    """One folder of XML files with the images that they describe.

    `year` is "2007" for a folder VOC2007, `split` the name of a folder of one split; both are "" otherwise. `lists`
    maps the names of the lists in ImageSets to their files.
    """

    root: Path
    year: str
    split: str
    annotations: Path
    images: Path
    lists: dict[str, Path]

    @cached_property
    def image_files(self) -> dict[str, Path]:
        """Images by file stem."""
        files = sorted(path for path in _entries(self.images) if path.suffix.lower() in IMAGE_SUFFIXES)
        return {path.stem: path for path in reversed(files)}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Stems of all XML files, sorted."""
        return tuple(sorted(path.stem for path in _entries(self.annotations) if path.suffix.lower() == ".xml"))

    @property
    def splits(self) -> set[str]:
        """Names of the splits; lists of one class ("dog_trainval") are not splits."""
        names = {name for name in self.lists if not _LIST_OF_ONE_CLASS.search(name)}
        return names | {self.split} if self.split else names

    def ids_of(self, split: str) -> tuple[str, ...] | None:
        """Return the ids of a split or list in its order, of every XML file for "all"; None if there is no such split.

        Raises DataError if the list cannot be read.
        """
        if split in self.lists:
            return _listed_ids(self.lists[split])
        return self.ids if split == "all" or (split and split == self.split) else None


def find_voc_folders(root: Path) -> tuple[VocFolder, ...]:
    """Return the VOC folders at or below `root`, years in order; () if there are none."""
    if root.name in _ANNOTATION_FOLDERS and _has_xml(root):
        root = root.parent
    for base in (root, root / "VOCdevkit"):
        if here := _folder(base, year=_year(base.name)):
            return (here,)
        if years := _years_below(base):
            return years
    splits = (_folder(root / name, split=name) for name in _SPLIT_FOLDERS)
    return tuple(folder for folder in splits if folder)


def _years_below(base: Path) -> tuple[VocFolder, ...]:
    children = sorted(base.iterdir()) if base.is_dir() else []
    years = (_folder(child, year=year) for child in children if child.is_dir() and (year := _year(child.name)))
    return tuple(folder for folder in years if folder)


def _folder(root: Path, *, year: str = "", split: str = "") -> VocFolder | None:
    """Return the VOC folder `root`, None if it holds no XML files."""
    annotations = next((root / name for name in _ANNOTATION_FOLDERS if _has_xml(root / name)), None)
    if annotations is None:
        if not _has_xml(root):
            return None
        annotations = root
    images = next((root / name for name in _IMAGE_FOLDERS if (root / name).is_dir()), annotations)
    home = next((folder for folder in (root / "ImageSets/Main", root / "ImageSets") if folder.is_dir()), None)
    lists = {path.stem: path for path in sorted(home.glob("*.txt"))} if home else {}
    return VocFolder(root, year, split, annotations, images, lists)


def _listed_ids(path: Path) -> tuple[str, ...]:
    """Return the first column of a list; a -1 in the second column says that the class is absent."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of image names ({error}); save it as UTF-8 text") from None
    rows = [line.split() for line in lines if line.strip()]
    return tuple(dict.fromkeys(row[0] for row in rows if len(row) < 2 or row[1] != "-1"))


def _year(name: str) -> str:
    """Return "2007" for "VOC2007", else ""."""
    match = re.fullmatch(r"VOC(\d{4})", name)
    return match[1] if match else ""


def _has_xml(folder: Path) -> bool:
    return any(path.suffix.lower() == ".xml" for path in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
