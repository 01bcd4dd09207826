"""An image and its objects on the way into another format."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from multibox.data.dataset import Example
from multibox.errors import DataError
from multibox.size import Size


@dataclass(frozen=True, slots=True)
class Written:
    """An Example to write, the file that its image becomes, and the image size that its labels refer to."""

    example: Example
    image: Path
    size: Size


def count_flagged(written: Iterable[Written], flag: Literal["difficult", "crowd"]) -> int:
    """Return the number of objects that have the flag."""
    return sum(int(getattr(entry.example, flag).sum()) for entry in written)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8. Raises DataError, which names the file, for text that UTF-8 cannot hold."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        around = text[max(0, error.start - 20) : error.end + 20]
        raise DataError(f"{path.name} cannot hold the name {around!r}, which is not UTF-8; rename it") from None
    path.write_bytes(data)
