"""Where a YOLO data set keeps its images, labels, class names and splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from multibox.data.formats.evidence import Evidence, Strength
from multibox.data.formats.files import NamedFiles, files_below, files_with, holds, is_image, subfolders, usable_name
from multibox.data.formats.yolo.darknet import read_darknet
from multibox.data.formats.yolo.yaml_file import DataYaml, read_data_yaml
from multibox.errors import DataError
from multibox.images.decode import IMAGE_SUFFIXES
from multibox.system.text import read_lines
from multibox.words import listed

_SPLIT_ALIASES = {"valid": "val", "validation": "val", "training": "train", "testing": "test"}
_SPLIT_FOLDERS = ("train", "training", "val", "valid", "validation", "test", "testing")
_YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_YAML_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class YoloFolder:
    """`names` are the classes by number, empty if nothing names them; `splits` are folders, list files or images.

    `keypoint_numbers` is how many numbers of key points follow each box, 0 for none.
    """

    root: Path
    names: dict[int, str]
    splits: Mapping[str, tuple[Path, ...]]
    evidence: Evidence
    keypoint_numbers: int = 0

    def places_of(self, split: str) -> tuple[Path, ...]:
        """Return the folders, list files and images of a split, of every split for "all".

        Raises DataError if the split does not exist.
        """
        name = _SPLIT_ALIASES.get(split, split)
        if name != "all" and name not in self.splits:
            has = listed([*self.splits, "all"])
            raise DataError(f"split {split!r} does not exist in {self.root}; it has {has}")
        return tuple(place for key, paths in self.splits.items() if name in (key, "all") for place in paths)

    def images_of(self, split: str, *, outside: bool = False) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """Return the images of a split, those of a folder sorted by name, and the lines that lead out of the data set.

        Raises DataError if the split or a path in data.yaml does not exist.
        """
        images: dict[Path, None] = {}
        refused: dict[str, None] = {}
        for place in self.places_of(split):
            found, lines = self._images(place, outside=outside)
            images.update(dict.fromkeys(found))
            refused.update(dict.fromkeys(lines))
        return tuple(images), tuple(refused)

    def _images(self, place: Path, *, outside: bool) -> tuple[list[Path], list[str]]:
        """Return the images of a folder, a list file, or the image itself."""
        if place.is_dir():
            return files_below(place, IMAGE_SUFFIXES), []
        if not place.is_file():
            raise DataError(f"{place} does not exist; correct the path in the data.yaml of {self.root}")
        if is_image(place):
            return [place], []
        return self._listed_images(place, outside=outside)

    def _listed_images(self, place: Path, *, outside: bool) -> tuple[list[Path], list[str]]:
        """Return the images that a list names, relative to the list or to the data set, and the lines refused."""
        files = NamedFiles(self.root, outside=outside)
        own = {place.parent, *(path for paths in self.splits.values() for path in paths)}
        images, refused = [], []
        for line in (line.strip() for line in read_lines(place)):
            if not line:
                continue
            if not usable_name(line):
                raise DataError(f"{place}: {line[:100]!r} cannot be the name of a file; correct the list")
            found = files.find(line, (place.parent, self.root))
            path = found or Path(normpath(place.parent / line))
            if files.allowed(path) or any(folder in path.parents for folder in own):
                images.append(path)
            else:
                refused.append(line)
        return images, refused


def find_yolo_folder(path: Path) -> YoloFolder | None:
    """Return the data set of a data.yaml or obj.data, or of a folder with or without one; None if there is none.

    Raises DataError for a file of these names that cannot be read.
    """
    if path.is_file():
        return _from_file(path)
    named = [path / name for name in _YAML_NAMES if (path / name).is_file()]
    others = [] if named else files_with(path, _YAML_SUFFIXES)
    for candidate in (*named, *others, *files_with(path, (".data",))):
        folder = _from_file(candidate)
        if folder is not None:
            return folder
    return _from_folders(path)


def _from_file(path: Path) -> YoloFolder | None:
    if path.suffix.lower() in _YAML_SUFFIXES:
        written = read_data_yaml(path)
        return None if written is None else _from_yaml(written, path)
    darknet = read_darknet(path) if path.suffix.lower() == ".data" else None
    if darknet is None:
        return None
    splits = {split: _places(path.parent, places) for split, places in darknet.splits.items()}
    return YoloFolder(path.parent, darknet.names, splits, Evidence(Strength.DECLARED, path.name))


def _from_yaml(written: DataYaml, path: Path) -> YoloFolder:
    base = _base(path.parent, written.path)
    splits = {split: _places(base, places) for split, places in written.splits.items()}
    there = any(place.exists() for places in splits.values() for place in places)
    strength = Strength.DECLARED if there or path.name in _YAML_NAMES else Strength.NAMED
    return YoloFolder(base, written.names, splits, Evidence(strength, path.name), written.keypoint_numbers)


def _base(home: Path, written: str) -> Path:
    """Return `path:` relative to the yaml file; the folder of the yaml file if `path:` does not exist here."""
    choices = (home / written, home / written.replace("\\", "/"))
    return next((Path(normpath(choice)) for choice in choices if written and choice.is_dir()), home)


def _places(base: Path, written: Sequence[str]) -> tuple[Path, ...]:
    return tuple(_place(base, entry) for entry in written)


def _place(base: Path, entry: str) -> Path:
    """Return a folder or file below `base`.

    A backslash separates folders, and superfluous leading folders ("../", as exported files often have it, or the
    folder of another machine) are removed, if the path as written does not exist.
    """
    slashed = entry.replace("\\", "/")
    parts = [part for part in slashed.split("/") if part not in ("", ".", "..")]
    shorter = (base.joinpath(*parts[skipped:]) for skipped in range(len(parts)))
    choices = [base / entry, base / slashed, *shorter]
    return next((Path(normpath(choice)) for choice in choices if choice.exists()), Path(normpath(base / slashed)))


def _from_folders(root: Path) -> YoloFolder | None:
    """Return the data set of folders without a yaml file.

    Known layouts are images beside labels, with or without subfolders train, val and test; train/images beside
    train/labels and so on; and a folder of images with classes.txt. Labels count if they are text files and not XML.
    """
    names, names_file = _listed_names(root)
    strength = Strength.DECLARED if names else Strength.STRUCTURED
    children = {child.name.casefold(): child for child in subfolders(root)}
    images = children.get("images")
    labels = children.get("labels") or children.get("annotations") or children.get("annots")
    if images and (files_below(images, (".txt",)) or (labels and _label_folder(labels))):
        evidence = Evidence(strength, f"folders {images.name} and {labels.name if labels else 'text files beside'}")
        return YoloFolder(root, names, _splits_in(images) or {"train": (images,)}, evidence)
    splits = {
        _split(name): (_images_in(child),)
        for name in _SPLIT_FOLDERS
        if (child := children.get(name)) and any(inner.name.casefold() == "labels" for inner in subfolders(child))
    }
    if splits:
        return YoloFolder(root, names, splits, Evidence(strength, "folders images and labels in those of splits"))
    if names and holds(root, IMAGE_SUFFIXES):
        return YoloFolder(root, names, {"train": (root,)}, Evidence(strength, names_file))
    return None


def _label_folder(folder: Path) -> bool:
    """Whether a folder holds text files; one named labels may also be empty, for backgrounds alone."""
    if files_below(folder, (".txt",)):
        return True
    return folder.name.casefold() == "labels" and not files_below(folder, (".xml", ".json"))


def _splits_in(images: Path) -> dict[str, tuple[Path, ...]]:
    folders = {child.name.casefold(): child for child in subfolders(images)}
    return {_split(name): (folders[name],) for name in _SPLIT_FOLDERS if name in folders}


def _images_in(folder: Path) -> Path:
    return next((child for child in subfolders(folder) if child.name.casefold() == "images"), folder / "images")


def _split(folder: str) -> str:
    return _SPLIT_ALIASES.get(folder, folder)


def _listed_names(root: Path) -> tuple[dict[int, str], str]:
    """Return class names from classes.txt, one per line, as labeling tools write it, and the name of the file."""
    for path in (root / "classes.txt", root / "labels/classes.txt", root / "obj.names"):
        if path.is_file():
            lines = (line.strip() for line in read_lines(path))
            return dict(enumerate(line for line in lines if line)), path.name
    return {}, ""
