"""Where a YOLO data set keeps its images, labels, class names and splits."""

from collections.abc import Mapping
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from multibox.data.formats.yolo.simple_yaml import Value, read_keys
from multibox.errors import DataError
from multibox.images.decode import IMAGE_SUFFIXES
from multibox.words import listed

_KEYS = ("path", "train", "val", "test", "names")
_SPLIT_ALIASES = {"valid": "val", "validation": "val"}
_SPLIT_FOLDERS = ("train", "val", "valid", "test")
_YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_NOT_LABELS = frozenset(("classes", "train", "val", "valid", "test", "readme", "README", "README.dataset"))


@dataclass(frozen=True)
class YoloFolder:
    """`names` are the classes by number, empty if nothing names them; `splits` are folders, list files or images."""

    root: Path
    names: dict[int, str]
    splits: Mapping[str, tuple[Path, ...]]

    def images_of(self, split: str) -> tuple[Path, ...]:
        """Return the images of a split, those of a folder sorted by name; "all" is the images of every split.

        Raises DataError if the split or a path in data.yaml does not exist.
        """
        name = _SPLIT_ALIASES.get(split, split)
        if name != "all" and name not in self.splits:
            has = listed([*self.splits, "all"])
            raise DataError(f"split {split!r} does not exist in {self.root}; it has {has}")
        places = [place for key, paths in self.splits.items() if name in (key, "all") for place in paths]
        return tuple(dict.fromkeys(image for place in places for image in _images(place, self.root)))


def find_yolo_folder(path: Path) -> YoloFolder | None:
    """Return the data set of a data.yaml, or of a folder with or without one; None if there is none.

    Raises DataError for a yaml file that cannot be read.
    """
    if path.is_file():
        return _from_yaml(path) if path.suffix.lower() in (".yaml", ".yml") else None
    named = [path / name for name in _YAML_NAMES if (path / name).is_file()]
    for candidate in named or sorted((*path.glob("*.yaml"), *path.glob("*.yml"))):
        folder = _from_yaml(candidate)
        if folder is not None:
            return folder
    return _from_folders(path)


def label_file(image: Path) -> Path:
    """Return labels/a.txt for images/a.jpg, replacing the last folder named images; else a.txt beside the image."""
    parts = image.parts
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    beside = image.with_suffix(".txt")
    if not places:
        return beside
    swapped = Path(*parts[: places[-1]], "labels", *parts[places[-1] + 1 :]).with_suffix(".txt")
    return beside if beside.is_file() and not swapped.is_file() else swapped


def labels_without_image(images: tuple[Path, ...]) -> list[Path]:
    """Return the label files, in the label folders of these images, for which there is no image file."""
    homes: dict[Path, set[Path]] = {}
    for image in images:
        homes.setdefault(label_file(image).parent, set()).add(image.parent)
    orphans: list[Path] = []
    for labels, folders in homes.items():
        stems = {path.stem for folder in folders if folder.is_dir() for path in folder.iterdir() if _is_image(path)}
        texts = labels.glob("*.txt") if labels.is_dir() else []
        orphans += [path for path in texts if path.stem not in stems and path.stem not in _NOT_LABELS]
    return sorted(orphans)


def _from_yaml(path: Path) -> YoloFolder | None:
    """Return the data set of a yaml file, None if it names no split."""
    try:
        keys = read_keys(path.read_text(encoding="utf-8"), _KEYS, name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({error}); save it as UTF-8") from None
    splits = [name for name in ("train", "val", "test") if keys.get(name)]
    if not splits:
        return None
    base = _base(path.parent, keys.get("path", ""))
    return YoloFolder(base, _names(keys.get("names", ""), path), {key: _places(base, keys[key]) for key in splits})


def _base(home: Path, written: Value) -> Path:
    """Return `path:` relative to the yaml file; the folder of the yaml file if `path:` does not exist here."""
    base = home / written if isinstance(written, str) else home
    return base if base.is_dir() else home


def _names(value: Value, path: Path) -> dict[int, str]:
    if isinstance(value, str):
        return {} if not value else {0: value}
    if isinstance(value, list):
        return dict(enumerate(value))
    try:
        return {int(key): value[key] for key in sorted(value, key=int)}
    except ValueError:
        raise DataError(f"{path}: names {listed(value)} are not class numbers; write '0: name'") from None


def _places(base: Path, value: Value) -> tuple[Path, ...]:
    return tuple(_place(base, entry) for entry in ([value] if isinstance(value, str) else value))


def _place(base: Path, entry: str) -> Path:
    """Return a folder or file below `base`; one superfluous leading ../ is removed, as exported files often have it."""
    path = Path(normpath(base / entry))
    shorter = base / entry.removeprefix("../")
    return shorter if not path.exists() and shorter.exists() else path


def _from_folders(root: Path) -> YoloFolder | None:
    """Return the data set of folders without a yaml file.

    Known are images beside labels, split by subfolders train, val, test or not; train/images beside train/labels and
    so on; and a folder of images with classes.txt.
    """
    names = _listed_names(root)
    images = root / "images"
    if images.is_dir() and ((root / "labels").is_dir() or any(images.rglob("*.txt"))):
        splits = {_split(name): (images / name,) for name in _SPLIT_FOLDERS if (images / name).is_dir()}
        return YoloFolder(root, names, splits or {"train": (images,)})
    splits = {_split(name): (root / name / "images",) for name in _SPLIT_FOLDERS if (root / name / "labels").is_dir()}
    if splits:
        return YoloFolder(root, names, splits)
    return YoloFolder(root, names, {"train": (root,)}) if names and any(map(_is_image, root.iterdir())) else None


def _split(folder: str) -> str:
    return _SPLIT_ALIASES.get(folder, folder)


def _listed_names(root: Path) -> dict[int, str]:
    """Return class names from classes.txt, one per line, as labeling tools write it."""
    for path in (root / "classes.txt", root / "labels/classes.txt"):
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            return {label: line.strip() for label, line in enumerate(lines) if line.strip()}
    return {}


def _images(place: Path, root: Path) -> list[Path]:
    """Return the images of a folder, a list file, or the image itself."""
    if place.is_dir():
        return sorted(path for path in place.rglob("*") if _is_image(path))
    if not place.is_file():
        raise DataError(f"{place} does not exist; correct the path in the data.yaml of {root}")
    if _is_image(place):
        return [place]
    lines = [line.strip() for line in place.read_text(encoding="utf-8-sig").splitlines()]
    return [_listed_image(place, line, root) for line in lines if line]


def _listed_image(list_file: Path, line: str, root: Path) -> Path:
    """Return the image of a line: relative to the list, or to the data set if only that exists."""
    beside, inside = Path(normpath(list_file.parent / line)), Path(normpath(root / line))
    return inside if not beside.exists() and inside.exists() else beside


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES
