"""The images of a batch: a folder, a prefix of an object store, or a list, as one sequence of names."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from multibox.errors import DataError
from multibox.images.decode import IMAGE_SUFFIXES
from multibox.system.storage import SCHEMES, Storage, is_local, open_storage, read_object
from multibox.words import escaped, listed

if TYPE_CHECKING:
    import pyarrow as pa

LIST_SUFFIXES = (".parquet", ".txt")
MAX_LIST_BYTES = 1 << 34
_SLICE = 1 << 16


@dataclass(frozen=True, eq=False)
class ImageList:
    """The names of all images, in the order of their rows. A name is an absolute path or a URI.

    They are kept as an Arrow array, which takes the bytes of the names and 8 more for each. `options` are those of the
    object store that holds the images.
    """

    names: "pa.ChunkedArray"
    options: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def take(self, start: int, stop: int) -> list[str]:
        """The names from `start` up to `stop`."""
        names: list[str] = self.names.slice(start, stop - start).to_pylist()
        return names

    def digest(self) -> str:
        """SHA-256 of all names in order, each followed by a zero byte."""
        sha = hashlib.sha256()
        for start in range(0, len(self), _SLICE):
            sha.update("".join(f"{name}\0" for name in self.take(start, start + _SLICE)).encode())
        return sha.hexdigest()


def list_images(source: str | Path) -> ImageList:
    """The images below a folder or a prefix, sorted by name, or those of a list in its own order.

    A list is a text file (.txt) with one name a line, or a Parquet file with a column `image`, or with only one column
    of text. Names are paths or URIs; relative ones start at the folder of the list. Raises DataError if there is no
    image or a list cannot be read, UsageError for an unknown kind of URI.
    """
    storage = open_storage(source)
    if storage.place.lower().endswith(LIST_SUFFIXES):
        names = _array(_absolute(_listed_names(storage), folder=storage.place.rpartition("/")[0]), storage)
    elif storage.local and not Path(storage.place).is_dir():
        raise _no_folder(source, Path(storage.place))
    else:
        names = _array(sorted(_local(storage.place) if storage.local else _remote(storage)), storage)
    if not len(names):
        raise DataError(f"{source} contains no images; give a folder, a prefix or a list of image names")
    return ImageList(names, storage.options)


def _no_folder(source: str | Path, path: Path) -> DataError:
    if path.exists():
        return DataError(
            f"{source} is a file, but not a list ({' or '.join(LIST_SUFFIXES)}); for single images use multibox detect"
        )
    return DataError(f"{source} does not exist; give a folder, a prefix such as s3://bucket/photos, or a list")


def _array(names: Iterable[str], storage: Storage) -> "pa.ChunkedArray":
    """The names as an Arrow array, made slice by slice, because Python's strings take three times the memory."""
    import pyarrow as pa

    iterator, chunks = iter(names), []
    while chunk := list(islice(iterator, _SLICE)):
        for name in chunk:
            _check(name, storage)
        chunks.append(pa.array(chunk, pa.large_string()))
    return pa.chunked_array(chunks, pa.large_string())


def _check(name: str, storage: Storage) -> None:
    """Raise DataError for a name that is not Unicode, which Parquet cannot hold, and for an unknown kind of URI."""
    if not is_local(name) and name.partition("://")[0] not in SCHEMES:
        raise DataError(f"{storage.place} names {escaped(name[:200])}; images are paths, s3:// or gs://")
    try:
        name.isascii() or name.encode()
    except UnicodeEncodeError:
        raise DataError(f"{storage.place} contains {name!a}, whose name is not UTF-8; rename it") from None


def _local(folder: str) -> Iterator[str]:
    """The visible images below a folder; links to folders are not followed."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if _is_image(name) and os.path.isfile(path := os.path.join(parent, name)):
                yield path


def _remote(storage: Storage) -> Iterator[str]:
    for name in storage.walk():
        if _is_image(name) and "/." not in f"/{name}":
            yield storage.join(name)


def _is_image(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _absolute(names: Iterable[str], *, folder: str) -> Iterator[str]:
    """Each name as a path or URI that means the same in every process."""
    for name in names:
        if name.startswith("file://"):
            yield name.removeprefix("file://")
        elif not is_local(name) or name.startswith("/"):
            yield name
        else:
            yield os.path.normpath(f"{folder}/{name}") if is_local(folder) else f"{folder}/{name.removeprefix('./')}"


def _listed_names(storage: Storage) -> Iterator[str]:
    try:
        content = read_object(storage.place, options=storage.options, limit=MAX_LIST_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"the list {storage.place} cannot be read ({reason}); check the path") from None
    if storage.place.lower().endswith(".parquet"):
        return _column(content, place=storage.place)
    return _lines(content, place=storage.place)


def _lines(content: bytes, *, place: str) -> Iterator[str]:
    for number, line in enumerate(BytesIO(content), 1):
        try:
            name = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            raise DataError(f"{place}: line {number} is not UTF-8; save the list as UTF-8") from None
        if "\0" in name:
            raise DataError(f"{place}: line {number} contains a zero byte; a list has one name a line")
        if name:
            yield name


def _column(content: bytes, *, place: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        column = _image_column(file.schema_arrow, place=place)
        for batch in file.iter_batches(columns=[column]):
            for name in batch.column(0).to_pylist():
                if not name or "\0" in name:
                    raise DataError(f"{place}: column {column} holds the name {name!r}; every row must name an image")
                yield name
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{place} is not a readable Parquet file ({reason}); write the list again") from None


def _image_column(schema: "pa.Schema", *, place: str) -> str:
    import pyarrow.types as kinds

    texts = [field.name for field in schema if kinds.is_string(field.type) or kinds.is_large_string(field.type)]
    if "image" in texts:
        return "image"
    if len(texts) != 1:
        raise DataError(
            f"{place} has the columns {listed(schema.names)}; name the column with the images 'image', as text"
        )
    return str(texts[0])
