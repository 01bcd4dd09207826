"""Files of a data set: which entries of a folder count, and the paths that annotation files name.

Hidden entries (names that begin with a dot, such as "._a.jpg" of macOS) and the folder __MACOSX never count. Links are
followed. Only regular files are opened, because a pipe blocks and a device may not end.
"""

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from os.path import normpath
from pathlib import Path
from typing import NamedTuple

from multibox.data.formats.problem import Problem
from multibox.images.decode import IMAGE_SUFFIXES

MAX_CLASSES = 32_767
MAX_OBJECTS_PER_IMAGE = 20_000

UNREADABLE_IMAGES = frozenset(
    (".heic", ".heif", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".psd", ".svg", ".jxl", ".exr", ".dcm")
)
_MAX_PATH_BYTES, _MAX_NAME_BYTES = 4096, 255


def is_image(path: Path) -> bool:
    """Whether the name is that of an image in a format that can be decoded."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden(path.name)


def hidden(name: str) -> bool:
    """Whether an entry of this name is skipped."""
    return name.startswith(".") or name == "__MACOSX"


def entries(folder: Path) -> list[Path]:
    """Return the visible entries of a folder, sorted; [] if it is not a folder or cannot be listed."""
    return [folder / item.name for item in _items(folder)]


def _items(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return sorted((item for item in items if not hidden(item.name)), key=_name)
    except OSError:
        return []


def _name(item: os.DirEntry[str]) -> str:
    return item.name


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def subfolders(folder: Path) -> list[Path]:
    """Return the visible folders in a folder, sorted."""
    return [folder / item.name for item in _items(folder) if item.is_dir()]


def files_with(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the visible regular files in a folder with one of these suffixes in any case, sorted."""
    return [folder / item.name for item in _items(folder) if _suffix(item.name) in suffixes and item.is_file()]


def holds(folder: Path, suffixes: Collection[str]) -> bool:
    """Whether a visible regular file in the folder has one of these suffixes."""
    return any(_suffix(item.name) in suffixes and item.is_file() for item in _items(folder))


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Return the visible regular files with one of these suffixes at any depth, sorted.

    Links to folders are followed. Each folder is read once, by its own path if it has one below `folder`, so that a
    link to a folder above ends.
    """
    return sorted(
        place / item.name
        for place, items in _walk(folder)
        for item in items
        if _suffix(item.name) in suffixes and item.is_file()
    )


def _walk(folder: Path) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    """Yield each folder at and below `folder` with its visible entries, in the order that `files_below` describes."""
    waiting, linked, seen = deque([folder]), deque[Path](), set[tuple[int, int]]()
    while waiting or linked:
        place = waiting.popleft() if waiting else linked.popleft()
        try:
            facts = place.stat()
        except OSError:
            continue
        if (facts.st_dev, facts.st_ino) in seen:
            continue
        seen.add((facts.st_dev, facts.st_ino))
        items = _items(place)
        yield place, items
        for item in items:
            if item.is_dir():
                (linked if item.is_symlink() else waiting).append(place / item.name)


class Listing(NamedTuple):
    """A folder whose files a reader lists, at any depth with `below`, and the suffixes that it looks for."""

    folder: Path
    suffixes: Collection[str]
    below: bool = False


def special_files(listing: Listing) -> Iterator[Problem]:
    """A warning for each entry that the reader skips because it is a pipe, a socket or a device."""
    folder = listing.folder
    for place, items in _walk(folder) if listing.below else [(folder, _items(folder))]:
        for item in items:
            if _suffix(item.name) in listing.suffixes and _is_special(item):
                message = "is a pipe or a device, not a regular file; it is skipped"
                yield Problem("passed_over", "warning", str(place / item.name), None, message)


def _is_special(item: os.DirEntry[str]) -> bool:
    return not item.is_file() and not item.is_dir() and os.path.exists(item.path)


def unreadable_images(folders: Iterable[Path]) -> Iterator[Problem]:
    """A warning for each folder with images in formats that cannot be decoded."""
    for folder in folders:
        paths = files_below(folder, UNREADABLE_IMAGES)
        if paths:
            suffixes = ", ".join(sorted({path.suffix for path in paths}))
            message = f"{len(paths):,} images are skipped: {suffixes} is not supported; convert them to JPEG"
            yield Problem("passed_over", "warning", str(folder), None, message)


def possible_path(name: str) -> bool:
    """Whether the system can have a file or folder of this path: no NUL, no lone surrogate, not too long."""
    try:
        data = os.fsencode(name)
    except UnicodeEncodeError:
        return False
    parts = data.replace(b"\\", b"/").split(b"/")
    return b"\0" not in data and len(data) < _MAX_PATH_BYTES and max(map(len, parts)) <= _MAX_NAME_BYTES


def usable_name(name: str) -> bool:
    """Whether the system can have a file of this path, which ends in a name."""
    return possible_path(name) and name.replace("\\", "/").rpartition("/")[2] not in ("", ".", "..")


def is_plain(name: str) -> bool:
    """Whether a name has no folders, in any spelling."""
    return "/" not in name and "\\" not in name and name not in ("", ".", "..")


def inside(path: Path, root: Path) -> bool:
    """Whether a path is below `root` as written; links inside the data set may lead elsewhere."""
    return Path(normpath(root.absolute())) in Path(normpath(path.absolute())).parents


class NamedFiles:
    """Finds the files that annotation files name; each folder is listed once.

    `root` is the data set. Files outside it count only if `outside` is set.
    """

    def __init__(self, root: Path, *, outside: bool = False) -> None:
        self._root, self._outside = root, outside
        self._listings: dict[Path, set[str]] = {}

    def exists(self, path: Path) -> bool:
        """Whether the folder of the path lists its name."""
        return path.name in self._names(path.parent)

    def _names(self, folder: Path) -> set[str]:
        if folder not in self._listings:
            try:
                self._listings[folder] = set(os.listdir(folder))
            except (OSError, ValueError):
                self._listings[folder] = set()
        return self._listings[folder]

    def allowed(self, path: Path) -> bool:
        """Whether the path is in the data set, or paths outside it are wanted."""
        return self._outside or inside(path, self._root)

    def find(self, name: str, folders: Iterable[Path]) -> Path | None:
        """Return the file that `name` means in the first of `folders` that has it; None if none does.

        A backslash separates folders if the name as written does not exist. Names from another machine, web addresses
        and names that lead out of the data set are searched without their leading folders.
        """
        homes = list(folders)
        if is_plain(name):
            home = next((home for home in homes if name in self._names(home)), None)
            return None if home is None else home / name
        if not usable_name(name):
            return None
        slashed = name.replace("\\", "/")
        for text in dict.fromkeys((name, slashed)):
            for home in homes:
                path = Path(normpath(home / text))
                if self.exists(path) and self.allowed(path):
                    return path
        return self._without_leading_folders(slashed, homes)

    def _without_leading_folders(self, name: str, homes: list[Path]) -> Path | None:
        parts = [part for part in name.partition("?")[0].split("/") if part not in ("", ".", "..")]
        for skipped in range(1, len(parts)):
            for home in homes:
                if skipped == 1 and ".." not in name and not name.startswith("/") and (home / parts[0]).is_dir():
                    return None  # the folder is here, so the file is missing
                path = home.joinpath(*parts[skipped:])
                if self.exists(path) and self.allowed(path):
                    return path
        if len(parts) == 1 and name != parts[0]:
            return next((home / parts[0] for home in homes if self.exists(home / parts[0])), None)
        return None
