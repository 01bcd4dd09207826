"""One problem of a data set: what is wrong, how bad it is, and where."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from multibox.words import escaped

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """`kind` is a fixed word for programs, `message` a sentence for people.

    `file` is the path of the annotation or image. `object` is the place inside the file, such as "object 3 (dog)" or
    "line 7 (cup)"; None if the problem concerns the whole file. An "error" makes training fail or learn from wrong
    data, a "warning" means that something is lost or doubtful, and a "note" is information.
    """

    kind: str
    severity: Severity
    file: str
    object: str | None
    message: str

    def __str__(self) -> str:
        place = self.file if self.object is None else f"{self.file}, {self.object}"
        return escaped(f"{place}: {self.message}" if place else self.message)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of this problem in the output of `multibox data check --json`."""
        return asdict(self)
