"""Where a VOC data set keeps annotations, images and lists: devkits, years, single folders, folders of splits.

Folders are recognized by what they hold, in any case; the usual names come first if several folders hold the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from multibox.data.formats.files import files_with, holds, inside, is_image, subfolders, usable_name
from multibox.data.formats.voc.root_tag import holds_annotations
from multibox.images.decode import IMAGE_SUFFIXES
from multibox.system.text import read_lines

_IMAGE_FOLDERS = ("jpegimages", "images", "imgs", "image", "img")
_ANNOTATION_FOLDERS = ("annotations", "annots", "annotation", "xmls", "xml", "labels")
_SPLIT_FOLDERS = ("train", "training", "valid", "validation", "val", "test", "testing")
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
        return {path.stem: path for path in reversed(files_with(self.images, IMAGE_SUFFIXES))}

    @cached_property
    def xml_files(self) -> dict[str, Path]:
        """XML files by file stem, sorted."""
        return {path.stem: path for path in files_with(self.annotations, (".xml",))}

    @property
    def ids(self) -> tuple[str, ...]:
        """Stems of all XML files, sorted."""
        return tuple(self.xml_files)

    def xml_file(self, name: str) -> Path | None:
        """Return the XML file of an id, which may name a folder below; None if it is no name or leads elsewhere."""
        if name in self.xml_files:
            return self.xml_files[name]
        path = self.annotations / f"{name}.xml"
        return path if usable_name(path.name) and usable_name(name) and inside(path, self.annotations) else None

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
            lines = (line.strip() for line in read_lines(self.lists[split]))
            found = (_listed_id(line, self.xml_files) for line in lines if line)
            return tuple(dict.fromkeys(name for name in found if name is not None))
        return self.ids if split == "all" or (split and split == self.split) else None


def find_voc_folders(root: Path) -> tuple[VocFolder, ...]:
    """Return the VOC folders at or below `root`, years in order; () if there are none."""
    if not root.is_dir():
        return ()
    if root.name.casefold() in _ANNOTATION_FOLDERS and holds_annotations(root):
        root = root.parent
    for base in (root, root / "VOCdevkit"):
        if here := _folder(base, year=_year(base.name)):
            return (here,)
        if years := _years_below(base):
            return years
    return next((found for base in (root, *subfolders(root)) if (found := _splits_below(base))), ())


def _years_below(base: Path) -> tuple[VocFolder, ...]:
    years = (_folder(child, year=year) for child in subfolders(base) if (year := _year(child.name)))
    return tuple(folder for folder in years if folder)


def _splits_below(base: Path) -> tuple[VocFolder, ...]:
    """Return a folder for each split in `base`: train with XML files, train/Annotations, or annotations/train."""
    splits = [child for child in subfolders(base) if child.name.casefold() in _SPLIT_FOLDERS]
    splits.sort(key=lambda child: _SPLIT_FOLDERS.index(child.name.casefold()))
    inside_them = [folder for child in splits if (folder := _folder(child, split=child.name.casefold()))]
    return tuple(_with_parallel_images(folder, base) for folder in inside_them)


def _with_parallel_images(folder: VocFolder, base: Path) -> VocFolder:
    """Return the folder; with its images in images/train if its own folder, annotations/train, has none."""
    if folder.images != folder.annotations or holds(folder.images, IMAGE_SUFFIXES):
        return folder
    for sibling in subfolders(base.parent):
        images = next((path for path in subfolders(sibling) if path.name.casefold() == folder.split), None)
        if images and images != folder.root and holds(images, IMAGE_SUFFIXES):
            return VocFolder(folder.root, folder.year, folder.split, folder.annotations, images, folder.lists)
    return folder


def _folder(root: Path, *, year: str = "", split: str = "") -> VocFolder | None:
    """Return the VOC folder `root`, None if it holds no XML files of annotations."""
    children = subfolders(root)
    candidates = [
        child for child in _usual_first(children, _ANNOTATION_FOLDERS) if child.name.casefold() not in _SPLIT_FOLDERS
    ]
    annotations = next((child for child in candidates if holds_annotations(child)), None)
    if annotations is None:
        if not holds_annotations(root):
            return None
        annotations = root
    home = next((folder for folder in (root / "ImageSets/Main", root / "ImageSets") if folder.is_dir()), None)
    lists = {path.stem: path for path in files_with(home, (".txt",))} if home else {}
    return VocFolder(root, year, split, annotations, _images(root, children, annotations), lists)


def _images(root: Path, children: Sequence[Path], annotations: Path) -> Path:
    """Return the folder of images: beside the annotations if these are in `root`, else a usual name, else any."""
    usual = [child for child in children if child.name.casefold() in _IMAGE_FOLDERS]
    others = [child for child in _usual_first(children, _IMAGE_FOLDERS) if child != annotations]
    holding = (place for place in (*others, annotations, root) if holds(place, IMAGE_SUFFIXES))
    if annotations == root:
        return next(iter(usual), root)
    return next(holding, next(iter(usual), annotations))


def _usual_first(folders: Sequence[Path], names: Sequence[str]) -> list[Path]:
    """Return the folders, those with a usual name first, in the order of the names."""
    return sorted(folders, key=lambda path: names.index(path.name.casefold()) if path.name.casefold() in names else 99)


def _listed_id(line: str, known: dict[str, Path]) -> str | None:
    """Return the id in a line of a list; None if a -1 at its end says that the class is absent.

    The whole line is the name if there is such an XML file, because names may contain spaces.
    """
    if line in known:
        return line
    rest, _, last = line.replace("\t", " ").rpartition(" ")
    words = line.split()
    choices = [line, rest.strip(), words[0]] if last in ("-1", "0", "1") else [line, words[0]]
    name = next((name for choice in choices for name in _spellings(choice) if name in known), None)
    if last == "-1" and name != line:
        return None
    return name or (rest.strip() if last in ("0", "1") and rest else line)


def _spellings(name: str) -> tuple[str, ...]:
    """Return the name, and its stem if it is written with folders or the suffix of an image or XML file."""
    last = Path(name.replace("\\", "/"))
    stem = last.stem if is_image(last) or last.suffix.lower() == ".xml" else last.name
    return (name, stem)


def _year(name: str) -> str:
    """Return "2007" for "VOC2007", else ""."""
    match = re.fullmatch(r"VOC(\d{4})", name)
    return match[1] if match else ""
