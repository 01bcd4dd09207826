"""Writing a file so that nobody ever sees half of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".unfinished"


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends, and vanishes when it raises.

    It is written beside `path`, forced to the disk and renamed, so that a reader, a crash, a power cut or a full disk
    leaves either the old file or the whole new one. An OSError names `path`.
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
    """Give an OSError of the block, which may come from a write that knows no name, the file's name."""
    try:
        yield
    except OSError as error:
        nameless = error.filename is None or str(error.filename).endswith(_SUFFIX)
        if nameless and error.errno is not None:  # without a number the message is all there is
            error.filename = str(path)
        raise


def force_to_disk(file: BinaryIO) -> None:
    """Wait until all that was written is where a power cut cannot take it."""
    file.flush()
    os.fsync(file.fileno())


def _force_folder(folder: Path) -> None:
    """The same for the names in a folder, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes left of files that they were writing in `folder`."""
    for path in folder.glob(f".*{_SUFFIX}"):
        path.unlink(missing_ok=True)
