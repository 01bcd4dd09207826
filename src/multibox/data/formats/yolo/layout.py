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
_ALIASES = {"valid": "val", "validation": "val"}
_YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_NOT_LABELS = frozenset(("classes", "train", "val", "valid", "test", "readme", "README", "README.dataset"))


@dataclass(frozen=True)
class YoloFolder:
    """`names` by class number, empty where nothing tells them; `splits` gives folders, list files or images."""

    root: Path
    names: dict[int, str]
    splits: Mapping[str, tuple[Path, ...]]


def find_yolo(path: Path) -> YoloFolder | None:
    """The data set of a data.yaml, or of a folder; None where it is none. Raises DataError for a yaml that misleads."""
    if path.is_file():
        return _from_yaml(path) if path.suffix.lower() in (".yaml", ".yml") else None
    named = [path / name for name in _YAML_NAMES if (path / name).is_file()]
    for candidate in named or sorted((*path.glob("*.yaml"), *path.glob("*.yml"))):
        folder = _from_yaml(candidate)
        if folder is not None:
            return folder
    return _from_folders(path)


def images_of(folder: YoloFolder, split: str) -> tuple[Path, ...]:
    """The images of a split, those of a folder in the order of their names; "all" is those of every split."""
    name = _ALIASES.get(split, split)
    if name != "all" and name not in folder.splits:
        has = listed([*folder.splits, "all"])
        raise DataError(f"split {split!r} does not exist in {folder.root}; it has {has}")
    sources = [source for key, paths in folder.splits.items() if name in (key, "all") for source in paths]
    return tuple(dict.fromkeys(image for source in sources for image in _images(source, folder.root)))


def label_file(image: Path) -> Path:
    """images/a.jpg has its labels in labels/a.txt (the last folder of that name counts), otherwise beside it."""
    parts = image.parts
    places = [place for place, part in enumerate(parts[:-1]) if part == "images"]
    beside = image.with_suffix(".txt")
    if not places:
        return beside
    swapped = Path(*parts[: places[-1]], "labels", *parts[places[-1] + 1 :]).with_suffix(".txt")
    return beside if beside.is_file() and not swapped.is_file() else swapped


def labels_without_image(images: tuple[Path, ...]) -> list[Path]:
    """Label files in the label folders of these images that belong to no image on the disk."""
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
    try:
        keys = read_keys(path.read_text(encoding="utf-8"), _KEYS, name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({error}); save it as UTF-8") from None
    splits = [name for name in ("train", "val", "test") if keys.get(name)]
    if not splits:
        return None
    base = _base(path.parent, keys.get("path", ""))
    return YoloFolder(base, _names(keys.get("names", ""), path), {key: _sources(base, keys[key]) for key in splits})


def _base(home: Path, written: Value) -> Path:
    """`path:` relative to the yaml file; the yaml's own folder where it points nowhere, as on another machine."""
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
        raise DataError(f"{path}: names {listed(value)} are no class numbers; write '0: name'") from None


def _sources(base: Path, value: Value) -> tuple[Path, ...]:
    return tuple(_source(base, entry) for entry in ([value] if isinstance(value, str) else value))


def _source(base: Path, entry: str) -> Path:
    """A folder or file below `base`; one leading ../ too many is forgiven, as exported files often have it."""
    path = Path(normpath(base / entry))
    shorter = base / entry.removeprefix("../")
    return shorter if not path.exists() and shorter.exists() else path


def _from_folders(root: Path) -> YoloFolder | None:
    """images and labels side by side, their subfolders train, val, test being splits; or train/images and so on."""
    parts = ("train", "val", "valid", "test")
    if (root / "images").is_dir() and ((root / "labels").is_dir() or any((root / "images").rglob("*.txt"))):
        splits = {
            _ALIASES.get(name, name): (root / "images" / name,) for name in parts if (root / "images" / name).is_dir()
        }
        return YoloFolder(root, _listed_names(root), splits or {"train": (root / "images",)})
    splits = {
        _ALIASES.get(name, name): (root / name / "images",) for name in parts if (root / name / "labels").is_dir()
    }
    if splits:
        return YoloFolder(root, _listed_names(root), splits)
    names = _listed_names(root)
    return YoloFolder(root, names, {"train": (root,)}) if names and any(map(_is_image, root.iterdir())) else None


def _listed_names(root: Path) -> dict[int, str]:
    """Class names from classes.txt, one a line, as labeling tools write it."""
    for path in (root / "classes.txt", root / "labels/classes.txt"):
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            return {label: line.strip() for label, line in enumerate(lines) if line.strip()}
    return {}


def _images(source: Path, root: Path) -> list[Path]:
    if source.is_dir():
        return sorted(path for path in source.rglob("*") if _is_image(path))
    if not source.is_file():
        raise DataError(f"{source} does not exist; correct the path in the data.yaml of {root}")
    if _is_image(source):
        return [source]
    lines = [line.strip() for line in source.read_text(encoding="utf-8-sig").splitlines()]
    return [_listed_image(source, line, root) for line in lines if line]


def _listed_image(source: Path, line: str, root: Path) -> Path:
    """A line of a list file: relative to the list, or to the data set where that exists."""
    beside, inside = Path(normpath(source.parent / line)), Path(normpath(root / line))
    return inside if not beside.exists() and inside.exists() else beside


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES
