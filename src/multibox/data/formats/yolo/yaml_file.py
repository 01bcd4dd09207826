"""The file data.yaml of a YOLO data set: splits, class names and key points, each checked."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from multibox.data.formats.fields import short
from multibox.data.formats.files import MAX_CLASSES, possible_path
from multibox.errors import DataError
from multibox.system.yaml import read_yaml
from multibox.words import listed


@dataclass(frozen=True)
class DataYaml:
    """Values as written: `splits` are paths, `names` the classes by number, `path` the folder of the data or "".

    `keypoint_numbers` is how many numbers of key points follow each box, 0 for none.
    """

    path: str
    splits: dict[str, tuple[str, ...]]
    names: dict[int, str]
    keypoint_numbers: int = 0


def read_data_yaml(path: Path) -> DataYaml | None:
    """Read a data.yaml; None if the file names no split. Raises DataError if a value has no use."""
    document = read_yaml(path)
    if not isinstance(document, dict):
        return None
    keys = {"val": ("val", "valid", "validation"), "train": ("train",), "test": ("test",)}
    written = {split: next((document[key] for key in keys[split] if document.get(key)), None) for split in keys}
    splits = {split: _places(written[split], split, path) for split in ("train", "val", "test") if written[split]}
    if not splits:
        return None
    base = document.get("path", "")
    if isinstance(base, str) and not possible_path(base):
        raise DataError(f"{path}: path {base[:100]!r} cannot be that of a folder; correct it")
    names = _names(document.get("names", ""), path)
    _require_count(names, document.get("nc"), path)
    shape = document.get("kpt_shape")
    return DataYaml(base if isinstance(base, str) else "", splits, names, _keypoint_numbers(shape, path))


def _places(value: Any, split: str, path: Path) -> tuple[str, ...]:
    places = value if isinstance(value, list) else [value]
    if not all(isinstance(place, str) and possible_path(place) for place in places):
        raise DataError(f"{path}: {split} is neither a path nor a list of paths; write 'images/{split}'")
    return tuple(place for place in places if place)


def _names(value: Any, path: Path) -> dict[int, str]:
    """Return names by number, from text, a list or a mapping."""
    if isinstance(value, str):
        return {0: value} if value else {}
    pairs = list(enumerate(value) if isinstance(value, list) else value.items())
    odd = next((name for _, name in pairs if not isinstance(name, str)), None)
    if odd is not None:
        raise DataError(f"{path}: the class name {short(odd)} is a list or mapping; write it in quotes")
    try:
        names = {int(key): name.strip() for key, name in pairs}
    except ValueError:
        keys = listed((short(key) for key in value), limit=3)
        raise DataError(f"{path}: names {keys} are not class numbers; write '0: name'") from None
    if any(not 0 <= key < MAX_CLASSES for key in names) or len(names) < len(pairs):
        raise DataError(f"{path}: class numbers are 0 to {MAX_CLASSES - 1:,}, each once; correct names")
    return {key: names[key] for key in sorted(names)}


def _require_count(names: dict[int, str], count: Any, path: Path) -> None:
    """Raise DataError if `nc` is another number than that of the names."""
    if not names or count is None:
        return
    if not isinstance(count, str) or not _is_count(count.strip(), len(names)):
        given = count[:30] if isinstance(count, str) else short(count)
        raise DataError(f"{path}: nc is {given}, but there are {len(names):,} names; correct one of them")


def _is_count(text: str, count: int) -> bool:
    try:
        return text.isdecimal() and int(text) == count
    except ValueError:  # thousands of digits
        return False


def _keypoint_numbers(shape: Any, path: Path) -> int:
    """Return the product of `kpt_shape: [points, numbers of each]`, 0 without it."""
    if shape in (None, ""):
        return 0
    try:
        points, dimensions = (int(value) for value in shape)
    except (TypeError, ValueError):
        raise DataError(f"{path}: kpt_shape is {short(shape)}; write [number of points, 2 or 3]") from None
    if not 0 <= points <= 10_000 or dimensions not in (2, 3):
        raise DataError(f"{path}: kpt_shape is {short(shape)}; write [number of points, 2 or 3]")
    return prod((points, dimensions))
