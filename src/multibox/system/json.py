"""The reader of JSON: limits of size and depth, text that can be written again."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from multibox.errors import DataError
from multibox.system.process import without_collection
from multibox.system.text import MAX_TEXT_BYTES, decode_text, read_bytes

_PART_BYTES = 1 << 20
_BETWEEN_ENTRIES = re.compile(rb"}\s*,\s*(?={)")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path, *, limit: int = MAX_TEXT_BYTES) -> Any:
    """Return the document in a JSON file. Raises DataError as `read_bytes` and `parse_json` do."""
    return parse_json(decode_text(read_bytes(path, limit=limit), name=str(path)), name=str(path))


def parse_json(text: str, *, name: str) -> Any:
    """Return the document in `text`; `name` is the file in messages.

    Raises DataError for text that is not JSON, that nests too deeply for the parser (about 1,000 levels), that holds
    an integer of thousands of digits, or that holds half of a surrogate pair, which no encoding can write.
    """
    try:
        with without_collection():
            document = json.loads(text)
        if "\\u" in text and _SURROGATE_ESCAPE.search(text):
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise DataError(f"{name} is nested too deeply to be read as JSON; remove some levels") from None
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise DataError(f"{name} holds {half} alone, half of a surrogate pair; write the whole character") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise DataError(f"{name} is not JSON ({error.msg.lower()}: {place}); repair or remove it") from None
    except ValueError:
        raise DataError(f"{name} holds an integer of thousands of digits; write a shorter number") from None
    return document


def read_json_entries(path: Path, *, expected: str, limit: int = MAX_TEXT_BYTES) -> Iterator[list[Any]]:
    """Yield the entries of a JSON file that holds one list, in parts, so that not all of them are in memory at once.

    Raises DataError as `read_json` does, perhaps after the first parts, and with `expected`, which says what the list
    should be, for a document that is no list.
    """
    data = read_bytes(path, limit=limit)
    start = 0
    if data[:1] == b"[":
        start = 1
        while len(data) - start > 2 * _PART_BYTES:
            cut = _BETWEEN_ENTRIES.search(data, start + _PART_BYTES)
            part = None if cut is None else _complete(data[start : cut.start() + 1])
            if cut is None or part is None:
                break
            yield part
            start = cut.end()
    document = _rest(data, start, name=str(path))
    if not isinstance(document, list):
        raise DataError(f"{path}: holds one {type(document).__name__}; {expected}")
    yield document


def _complete(part: bytes) -> list[Any] | None:
    """The entries in a part of a list, None if they are no complete JSON.

    The part ends at a comma between "}" and "{". If this comma is inside an entry or a text, what precedes it is not
    complete; if it is complete, the parser has read the same as in the whole document.
    """
    try:
        entries = parse_json(f"[{part.decode()}]", name="")
    except (DataError, UnicodeDecodeError):
        return None
    return entries if isinstance(entries, list) else None


def _rest(data: bytes, start: int, *, name: str) -> Any:
    """The document, without the entries of a list that end before `start`."""
    if start <= 1:
        return parse_json(decode_text(data, name=name), name=name)
    try:
        return parse_json(decode_text(b"[" + data[start:], name=name), name=name)
    except DataError:
        return parse_json(decode_text(data, name=name), name=name)  # the error with its place in the whole document
