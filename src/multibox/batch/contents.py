"""Images of any number of names, read and decoded ahead of the network: files, and objects of a store."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from multibox.errors import DataError
from multibox.images.prepare import Prepared, map_ahead, try_prepare
from multibox.size import Size
from multibox.system.storage import is_local, read_object

_REQUESTS = 32
"""Objects of a store that are read at the same time. A request takes tens of milliseconds, most of them waiting."""


def prepare_named(
    names: Iterable[str], *, input_size: Size, ahead: int, options: str = ""
) -> Iterator[Prepared | DataError]:
    """Yield each image at the input size, or the error of one that does not exist or cannot be decoded, in order.

    Raises InputError if a store does not answer or refuses: then it is not the image that is at fault.
    """
    contents = map_ahead(partial(_content, options=options), names, ahead=ahead + _REQUESTS, threads=_REQUESTS)
    return map_ahead(partial(_prepare, input_size=input_size), contents, ahead=ahead)


def _content(name: str, *, options: str) -> tuple[str, Path | bytes | DataError]:
    """A local file is read where it is decoded; an object is read here."""
    if is_local(name):
        return name, Path(name)
    try:
        return name, read_object(name, options=options)
    except FileNotFoundError:
        return name, DataError(f"{name} does not exist; list the images again")
    except DataError as error:
        return name, error


def _prepare(named: tuple[str, Path | bytes | DataError], *, input_size: Size) -> Prepared | DataError:
    name, content = named
    if isinstance(content, DataError):
        return content
    prepared = try_prepare(content, input_size)
    if isinstance(prepared, DataError) and isinstance(content, bytes):
        return DataError(f"{name}: {prepared}")
    return prepared
