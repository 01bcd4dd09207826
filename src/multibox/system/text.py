"""The reader of text files: regular files up to a size limit, in a declared or detected encoding, any line ends."""

import codecs
import os
import stat
from pathlib import Path

from multibox.errors import DataError

MAX_TEXT_BYTES = 64 * 2**20

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_bytes(path: Path, *, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises DataError, which names the path, for a missing or larger file and for anything but a regular file: a pipe
    would block, and a device may never end.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise DataError(f"{path} is not a regular file; remove it or give a file")
            data = file.read(min(limit, facts.st_size) + 1)  # not more, because the buffer is allocated first
            if len(data) > facts.st_size:  # a file that grows, or one of /proc
                data += file.read(limit + 1 - len(data))
    except ValueError:
        raise DataError(f"{str(path)!r} is not a file name; remove the NUL character") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{path} cannot be read ({reason}); check the path and its permissions") from None
    if len(data) > limit:
        raise DataError(f"{path} has {facts.st_size:,} bytes; at most {limit:,} are read")
    return data


def read_text(path: Path, *, limit: int = MAX_TEXT_BYTES) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark; line ends become "\\n".

    Raises DataError as `read_bytes` does, and for bytes that are not text in this encoding.
    """
    text = decode_text(read_bytes(path, limit=limit), name=str(path))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: Path, *, limit: int = MAX_TEXT_BYTES) -> list[str]:
    """Return the lines of a text file without line ends; raises the errors of `read_text`."""
    lines = read_text(path, limit=limit).split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def decode_text(data: bytes, *, name: str, declared: str | None = None) -> str:
    """Return the text of `data` without its byte order mark.

    The mark decides the encoding, else `declared`, else it is UTF-8. `name` is the file in messages. Raises DataError
    for an unknown encoding and for bytes that do not belong to the encoding.
    """
    mark, encoding = next((pair for pair in _BYTE_ORDER_MARKS if data.startswith(pair[0])), (b"", declared or "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[len(mark) + error.start]:02x} at position {len(mark) + error.start}"
        raise DataError(f"{name} is not text in {encoding.upper()} ({found}); save it as UTF-8") from None
    except (LookupError, ValueError):
        raise DataError(f"{name} declares the encoding {encoding!r}, which is unknown; save it as UTF-8") from None
