"""Write files so that readers see either the old content or the complete new content.

Everything is first written beside its target, under a name that ends with ".unfinished" and with a lock that the system
drops when the process ends. What a killed process left has no lock: the next process that writes into the folder
removes it.
"""

import fcntl
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".unfinished"
_numbers = count()
_cleaned: set[Path] = set()


@contextmanager
def atomic_file(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a binary file that replaces `path` at the end of the block, or is removed if the block raises.

    The file is written beside `path`, flushed to the disk and renamed. After a crash, a power cut or a full disk,
    `path` is either the old file or the complete new one. If not `durable`, a power cut can lose the new content, which
    saves the time of the flush. A device or a pipe is written to directly. An OSError names `path`.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if _is_device(path):
            with open(path, "wb") as file:
                yield file
            return
        _clean_once(path.parent)
        unfinished = _beside(path)
        try:
            with _claimed(unfinished) as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
                os.replace(unfinished, path)
            if durable:
                _force_folder(path.parent)
        finally:
            unfinished.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a whole file by `atomic_file`."""
    with atomic_file(path, durable=durable) as file:
        file.write(content)


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path` for files that belong together; it is removed at the end of the block.

    The block moves the complete files from there to their places. An OSError names `path`.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clean_once(path.parent)
        unfinished = _beside(path)
        unfinished.mkdir()
        descriptor = os.open(unfinished, os.O_RDONLY)
        try:
            _hold(descriptor)
            yield unfinished
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
            os.close(descriptor)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside `path` that becomes `path` at the end of the block, or is removed if the block raises.

    The folder has the name of `path`. `path` must be absent or an empty folder; if the process is killed, it is
    unchanged. An OSError names `path`.
    """
    target = path.absolute()
    with naming(path), unfinished_folder(target) as home:
        folder = home / target.name
        folder.mkdir()
        yield folder
        os.replace(folder, target)
        _force_folder(target.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the name of the file to an OSError of the block; errors of `write` have none."""
    try:
        yield
    except OSError as error:
        nameless = error.filename is None or _SUFFIX in str(error.filename)
        if nameless and error.errno is not None:  # an error without a number has no place for a name
            error.filename = str(path)
            error.filename2 = None
        raise


def force_to_disk(file: BinaryIO) -> None:
    """Wait until everything written to the file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def remove_unfinished(folder: Path) -> None:
    """Remove the partial files and folders of processes that were killed while they wrote in `folder`."""
    for path in folder.glob(f".*{_SUFFIX}"):
        with suppress(OSError):
            _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its writer is alive
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
    finally:
        os.close(descriptor)


def _clean_once(folder: Path) -> None:
    """Remove what killed processes left, before this process first writes in the folder."""
    known = folder.absolute()
    if known not in _cleaned:
        _cleaned.add(known)
        remove_unfinished(folder)


def _beside(path: Path) -> Path:
    """A name that no other process or thread uses; long names are shortened to leave room for the suffix."""
    return path.with_name(f".{path.name[:50]}.{os.getpid()}-{threading.get_ident()}-{next(_numbers)}{_SUFFIX}")


def _claimed(unfinished: Path) -> BinaryIO:
    """A new file with its lock. Another process may remove the file just before it is locked: try again then."""
    while True:
        file = open(unfinished, "wb")  # noqa: SIM115
        _hold(file.fileno())
        if unfinished.exists():
            return file
        file.close()


def _hold(descriptor: int) -> None:
    """Lock it until it is closed, on file systems that have locks; on others no file is ever treated as a leftover."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_device(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def _force_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, if the system supports that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
