"""One thing that is wrong with a data set: what, how bad, where."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """`kind` is a fixed word for machines, `message` a sentence for people.

    `file` is the annotation or image as a path, `object` the place inside it ("object 3 (dog)", "line 7 (cup)"),
    None where the whole file is meant. "error": training would fail or learn something false; "warning": something is
    lost or doubtful; "note": worth knowing.
    """

    kind: str
    severity: Severity
    file: str
    object: str | None
    message: str

    def __str__(self) -> str:
        place = self.file if self.object is None else f"{self.file}, {self.object}"
        return f"{place}: {self.message}" if place else self.message

    def to_json(self) -> dict[str, Any]:
        """The entry of this problem in `multibox data check --json`."""
        return asdict(self)
