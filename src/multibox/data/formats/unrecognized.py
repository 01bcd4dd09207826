"""The message about a path that is not a data set: its content, and which formats were looked for."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from multibox.data.formats.files import files_with, hidden, subfolders
from multibox.data.formats.voc.root_tag import other_format, root_tag
from multibox.words import counted, listed

_SHOWN_BYTES = 4096
_JSON_OF_OTHERS = {
    b'"shapes"': "LabelMe JSON",
    b'"regions"': "VIA JSON",
    b'"annotations"': "JSON of another tool, such as Label Studio",
    b'"bbox"': "COCO results and no annotations",
    b'"labels"': "BDD or FiftyOne JSON",
}
_OTHER_SUFFIXES = {".tfrecord": "TFRecord", ".record": "TFRecord", ".csv": "CSV", ".parquet": "Parquet", ".zip": "ZIP"}


def nothing_found(path: Path, layouts: Sequence[str]) -> str:
    """Return the message about a path in which no format was found."""
    looked_for = f"{', '.join(layouts[:-1])} and {layouts[-1]}"
    other = _other(path)
    reason = f"; it looks like {other}; export it as Pascal VOC, COCO or YOLO" if other else ""
    if path.is_file():
        hint = "" if other else "; give the folder of the data set, not one of its files"
        return f"{path} is not a known data set{reason}; looked for {looked_for}{hint}"
    return f"{path} is not a known data set: found {_content(path)}{reason}; looked for {looked_for}"


def _content(folder: Path) -> str:
    """Return the folders by name and the files by suffix."""
    names = [name for name in sorted(os.listdir(folder)) if not hidden(name)]
    folders = [f"{name}/" for name in names if (folder / name).is_dir()]
    suffixes = Counter(Path(name).suffix or name for name in names if not (folder / name).is_dir())
    files = [f"{counted(count, 'file')} {suffix}" for suffix, count in suffixes.most_common()]
    return listed([*folders, *files], limit=10) if names else "nothing"


def _other(path: Path) -> str | None:
    """Return the name of another format, from the first files; None if it is not known."""
    files = [path] if path.is_file() else [file for folder in (path, *subfolders(path)) for file in _first(folder)]
    for file in files:
        suffix = file.suffix.lower()
        if suffix == ".xml" and (tag := root_tag(file)) and tag != "annotation":
            return f"{file.name}: {other_format(tag).partition('; ')[0]}"
        if suffix == ".json" and (kind := _json_kind(file)):
            return f"{kind} ({file.name})"
        if suffix in _OTHER_SUFFIXES:
            return f"{_OTHER_SUFFIXES[suffix]} ({file.name})"
    return None


def _first(folder: Path) -> list[Path]:
    return files_with(folder, (".xml", ".json", *_OTHER_SUFFIXES))[:3]


def _json_kind(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            start = opened.read(_SHOWN_BYTES)
    except OSError:
        return None
    return next((kind for key, kind in _JSON_OF_OTHERS.items() if key in start), None)
