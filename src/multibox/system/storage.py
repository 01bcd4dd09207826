"""Folders on this machine and prefixes of object stores (s3://, gs://), which pyarrow reads and writes."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from multibox.errors import DataError, InputError, UsageError
from multibox.system.atomic import remove_unfinished, write_atomically
from multibox.words import escaped, pip_install

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SCHEMES = ("s3", "gs")
MAX_OBJECT_BYTES = 1 << 30
_OPTIONS = {
    "s3": ("region", "endpoint_override", "scheme", "anonymous"),
    "gs": ("endpoint_override", "scheme", "retry_limit_seconds"),
}
_REGION_VARIABLES = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class Storage:
    """A folder, or a prefix of an object store.

    `place` is an absolute path or a URI such as s3://bucket/prefix, without options. `options` are those that followed
    a ? in the URI; pyarrow documents them.
    """

    place: str
    options: str = ""

    @property
    def local(self) -> bool:
        """Whether this is a folder of this machine's file system."""
        return is_local(self.place)

    def join(self, name: str) -> str:
        """The path or URI of a file below this place."""
        return f"{self.place.rstrip('/')}/{name}"

    def names(self) -> set[str]:
        """The files directly in this place; none if it does not exist."""
        if self.local:
            folder = Path(self.place)
            return {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
        return set(self.walk(recursive=False))

    def walk(self, *, recursive: bool = True) -> Iterator[str]:
        """The files below a prefix of an object store, at any depth if `recursive`, relative to it, in no order."""
        from pyarrow.fs import FileSelector, FileType

        with _naming(self.place):
            system, path = _opened(self.place, self.options)
            found = system.get_file_info(FileSelector(path, recursive=recursive, allow_not_found=True))
        for info in found:
            if info.type == FileType.File:
                yield info.path[len(path) :].lstrip("/")

    def read(self, name: str, *, limit: int = MAX_OBJECT_BYTES) -> bytes:
        """The content of a file in this place; raises FileNotFoundError if it does not exist."""
        return read_object(self.join(name), options=self.options, limit=limit)

    def write(self, name: str, content: bytes) -> None:
        """Write a whole file: other readers see the old file, or none, until the new one is complete."""
        if self.local:
            write_atomically(Path(self.place) / name, content, durable=True)
            return
        with _naming(self.join(name)):
            system, path = _opened(self.join(name), self.options)
            with system.open_output_stream(path) as stream:  # an object appears when its upload is complete
                stream.write(content)

    def clean(self) -> None:
        """Remove what killed writers left in a folder. Object stores keep nothing of an incomplete upload in sight."""
        if self.local:
            remove_unfinished(Path(self.place))


def is_local(place: str) -> bool:
    """Whether a name is a path, not a URI."""
    return _URI.match(place) is None


def open_storage(place: str | Path) -> Storage:
    """The storage that a path or a URI names; nothing is read. Raises UsageError for an unknown kind of URI."""
    text = str(place)
    if not text:
        raise UsageError("the place is empty; give a folder, or a prefix such as s3://bucket/prefix")
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if is_local(text):
        return Storage(str(Path(text).absolute()))
    scheme, _, rest = text.partition("://")
    if scheme not in SCHEMES:
        raise UsageError(f"{text} is of the kind {scheme}://; give a path, s3://bucket/prefix or gs://bucket/prefix")
    path, _, options = rest.partition("?")
    if not path.partition("/")[0]:
        raise UsageError(f"{text} names no bucket; give {scheme}://bucket/prefix")
    unknown = set(dict(parse_qsl(options, keep_blank_values=True))) - set(_OPTIONS[scheme])
    if unknown:
        raise UsageError(f"{text} has the option {min(unknown)!r}; choose from {', '.join(_OPTIONS[scheme])}")
    require_pyarrow()
    return Storage(f"{scheme}://{path.rstrip('/')}", options)


def read_object(uri: str, *, options: str = "", limit: int = MAX_OBJECT_BYTES) -> bytes:
    """The content of a file or an object of at most `limit` bytes.

    Raises FileNotFoundError if it does not exist, DataError if it is larger, and InputError if the store does not
    answer or refuses.
    """
    if is_local(uri):
        with open(uri, "rb") as file:  # not more than there is, because the buffer is allocated first
            return _limited(file.read(min(limit, os.fstat(file.fileno()).st_size) + 1), uri=uri, limit=limit)
    with _naming(uri):
        system, path = _opened(uri, options)
        with system.open_input_file(path) as stream:
            return _limited(stream.read(min(limit + 1, stream.size())), uri=uri, limit=limit)


def require_pyarrow() -> None:
    """Raise UsageError if pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise UsageError(f"Parquet and object stores need pyarrow: {pip_install('pyarrow')}") from None


def _limited(content: bytes, *, uri: str, limit: int) -> bytes:
    if len(content) > limit:
        raise DataError(f"{uri} has more than {limit:,} bytes; at most {limit:,} are read")
    return content


def _opened(uri: str, options: str) -> tuple["FileSystem", str]:
    """The file system of a URI, and the path in it. Keys are taken literally: they may contain spaces, % and ?."""
    scheme, _, path = uri.partition("://")
    return _file_system(scheme, path.partition("/")[0], options), path


@lru_cache(maxsize=64)
def _file_system(scheme: str, bucket: str, options: str) -> "FileSystem":
    """The client of a bucket. Credentials come from the environment or the files of the store's own tools."""
    from pyarrow import fs

    if scheme == "gs":
        return fs.FileSystem.from_uri(f"gs://{bucket}?{options}" if options else f"gs://{bucket}")[0]
    chosen = dict(parse_qsl(options))
    if "region" not in chosen and "endpoint_override" not in chosen and not _REGION_VARIABLES & set(os.environ):
        chosen["region"] = fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        region=chosen.get("region"),
        endpoint_override=chosen.get("endpoint_override"),
        scheme=chosen.get("scheme"),
        anonymous=chosen.get("anonymous") == "true",
        allow_delayed_open=True,  # a file below 10 MB is one request
        connect_timeout=10,
        request_timeout=60,
    )


@contextmanager
def _naming(uri: str) -> Iterator[None]:
    """Turn errors of a store into one line; that an object does not exist stays a FileNotFoundError."""
    from pyarrow import ArrowException

    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ArrowException) as error:
        reason = escaped(" ".join(str(error).split()))[:300]
        raise InputError(f"cannot use {uri}: {reason}; check the bucket, the credentials and the network") from None
