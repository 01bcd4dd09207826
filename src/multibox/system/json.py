"""The reader of JSON: limits of size and depth, text that can be written again."""

import json
import re
from pathlib import Path
from typing import Any

from multibox.errors import DataError
from multibox.system.process import without_collection
from multibox.system.text import MAX_TEXT_BYTES, decode_text, read_bytes

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
        if _SURROGATE_ESCAPE.search(text):
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
