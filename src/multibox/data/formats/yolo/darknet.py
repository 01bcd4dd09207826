"""The file obj.data of Darknet, which CVAT also writes as "YOLO 1.1": lines `key = value` with lists and names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from multibox.data.formats.files import possible_path
from multibox.errors import DataError
from multibox.system.text import read_lines

_SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}


@dataclass(frozen=True)
class DarknetData:
    """`splits` are list files as written, `names` the classes by number."""

    splits: Mapping[str, tuple[str, ...]]
    names: dict[int, str]


def read_darknet(path: Path) -> DarknetData | None:
    """Read a file like obj.data; None if it names no list of images. Raises DataError if its names are missing."""
    pairs = (line.partition("=") for line in read_lines(path))
    values = {key.strip().casefold(): value.strip() for key, separator, value in pairs if separator}
    splits = {_SPLITS[key]: (value,) for key, value in values.items() if key in _SPLITS and value}
    if not splits:
        return None
    odd = next((value for value in values.values() if not possible_path(value)), None)
    if odd is not None:
        raise DataError(f"{path}: {odd[:100]!r} cannot be the path of a file; correct it")
    return DarknetData(splits, _names(path, values.get("names", "")))


def _names(path: Path, written: str) -> dict[int, str]:
    """Return the names in the file that `names` names; paths often begin with a folder that is not here."""
    if not written:
        return {}
    slashed = Path(written.replace("\\", "/"))
    choices = (path.parent / slashed, path.parent / slashed.name)
    found = next((choice for choice in choices if choice.is_file()), None)
    if found is None:
        raise DataError(f"{path} names its classes in {written}, which does not exist; add the file")
    lines = (line.strip() for line in read_lines(found))
    return dict(enumerate(line for line in lines if line))
