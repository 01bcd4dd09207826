"""Write files so that readers see either the old content or the complete new content."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
def naming(path: Path) -> Iterator[None]:
    """Add the name of the file to an OSError of the block; errors of `write` have none."""
    try:
        yield
    except OSError as error:
        nameless = error.filename is None or str(error.filename).endswith(_SUFFIX)
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
