"""What a user wants from `multibox detect`: which detections, and in which form."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from multibox.cli.console import JsonArray
from multibox.errors import UsageError

if TYPE_CHECKING:
    from multibox.detection.output.formats import OutputFormat
    from multibox.detection.output.record import Record

Print = Callable[["Record"], object]

RESULTS = "detections"
"""The beginning of the name of what --format writes into --out."""

_SHOWN_SCORE = 0.5


@dataclass(frozen=True)
class Wanted:
    """The options of output. `shown` limits what is printed for people, drawn and cut out; `kept` the rest."""

    out: Path | None
    form: str | None
    as_json: bool
    crops: bool
    classes: list[str] | None
    min_score: float | None

    @property
    def shown(self) -> float:
        return _SHOWN_SCORE if self.min_score is None else self.min_score

    @property
    def kept(self) -> float:
        """The least score in results for programs; labels for people have those that are shown."""
        from multibox.detection.output.formats import find_format

        if self.form is not None and find_format(self.form).labels:
            return self.shown
        return self.min_score or 0.0

    @property
    def machine(self) -> bool:
        """Whether the results are for programs: they have all detections, and not only those above `shown`."""
        return self.as_json or self.form is not None

    @property
    def drawn(self) -> bool:
        """Whether images are drawn: a folder is given, and nothing else is to be written into it."""
        return self.out is not None and self.form is None and not self.crops

    def check(self) -> None:
        """Raise UsageError for options that do not go together and for an unknown format."""
        from multibox.detection.output.formats import find_format

        if self.form is not None:
            self._check_folder(find_format(self.form))
        if self.form is not None and self.as_json:
            raise UsageError(f"--json and --format {self.form} both say what is written: give one of them")
        if self.crops and self.out is None:
            raise UsageError("--crops needs a folder: give --out DIR")
        if self.out is not None and self.out.exists() and not self.out.is_dir():
            raise UsageError(f"--out {self.out} is a file: give a folder; it is created if it does not exist")

    def _check_folder(self, form: "OutputFormat") -> None:
        """Raise UsageError if a data set has no place, or its folder is not empty."""
        if not form.folder:
            return
        if self.out is None:
            raise UsageError(f"--format {form.name} writes a folder: give --out DIR")
        folder = self.out / f"{RESULTS}{form.suffix}"
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{folder} exists and is not empty: choose another --out or remove it")


@contextmanager
def printer(wanted: Wanted, class_names: tuple[str, ...], *, line: Callable[["Record"], str]) -> Iterator[Print]:
    """What prints a record on standard output: a line for people, JSON, or a format; nothing with --format and --out.

    `line` makes the line for people.
    """
    from multibox.detection.output.formats import find_format, written_to

    if wanted.as_json:
        with JsonArray() as array:
            yield lambda record: array.add(record.to_json())
    elif wanted.form is None:
        yield lambda record: print(line(record), flush=True)
    elif wanted.out is None:
        with written_to(sys.stdout, find_format(wanted.form), class_names) as writer:
            yield writer.add
    else:
        yield lambda record: None
