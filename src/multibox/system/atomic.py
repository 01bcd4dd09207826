"""Write files so that readers see either the old content or the complete new content."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".unfinished"


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that replaces `path` at the end of the block, or is removed if the block raises.

    The file is written beside `path`, flushed to the disk and renamed. After a crash, a power cut or a full disk,
    `path` is either the old file or the complete new one. An OSError names `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{_SUFFIX}")
    try:
        with naming(path):
            with open(unfinished, "wb") as file:
                yield file
                force_to_disk(file)
            os.replace(unfinished, path)
            _force_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside `path` that becomes `path` at the end of the block, or is removed if the block raises.

    The folder has the name of `path`. `path` must be absent or an empty folder; after a kill it is what it was before,
    and the next call removes the remains. An OSError names `path`.
    """
    target = path.absolute()
    _remove_dead_folders(target)
    home = target.with_name(f".{target.name}.{os.getpid()}{_SUFFIX}")
    try:
        with naming(path, inside=home):
            folder = home / target.name
            folder.mkdir(parents=True)
            yield folder
            os.replace(folder, target)
            _force_folder(target.parent)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _remove_dead_folders(target: Path) -> None:
    """Remove the partial folders for `target` of processes that no longer run."""
    for remains in target.parent.glob(f".{escape(target.name)}.*{_SUFFIX}"):
        number = remains.name.removesuffix(_SUFFIX).rpartition(".")[2]
        if number.isdecimal() and remains.is_dir() and not _runs(int(number)):
            shutil.rmtree(remains, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@contextmanager
def naming(path: Path, *, inside: Path | None = None) -> Iterator[None]:
    """Add the name of the file to an OSError of the block; errors of `write` have none.

    Errors of files below the temporary folder `inside` name `path` too.
    """
    try:
        yield
    except OSError as error:
        nameless = error.filename is None or str(error.filename).endswith(_SUFFIX)
        nameless = nameless or (inside is not None and str(error.filename).startswith(str(inside)))
        if nameless and error.errno is not None:  # an error without a number has no place for a name
            error.filename = str(path)
        raise


def force_to_disk(file: BinaryIO) -> None:
    """Wait until everything written to the file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def _force_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, if the system supports that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_unfinished(folder: Path) -> None:
    """Remove the partial files of processes that were killed while writing in `folder`."""
    for path in folder.glob(f".*{_SUFFIX}"):
        path.unlink(missing_ok=True)
