"""An image on its way into another format."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from multibox.data.dataset import Example
from multibox.size import Size


@dataclass(frozen=True, slots=True)
class Written:
    """An Example, the file that its image becomes, and the size that its labels are written for."""

    example: Example
    image: Path
    size: Size


def flagged(written: Iterable[Written], flag: str) -> int:
    """How many objects are "difficult" or "crowd"."""
    return sum(int(getattr(entry.example, flag).sum()) for entry in written)
