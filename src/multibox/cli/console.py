"""Output of the commands: results on standard output, messages and progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from multibox.words import escaped

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


def say(message: str) -> None:
    """Print a message for people on standard error."""
    print(escaped(message, kept="\n\t"), file=sys.stderr, flush=True)


def complain(error: Exception | str) -> None:
    """Print an error as one line on standard error."""
    say(f"multibox: {escaped(str(error))}")


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    print(_as_json(value))


def _as_json(value: Any) -> str:
    """The value as JSON, with escapes for the characters that standard output cannot encode."""
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    return json.dumps(value, ensure_ascii=not unicode, allow_nan=False)


class JsonArray:
    """Prints a JSON array on standard output, one entry a line, as the entries arrive.

    After an exception the array is not closed, so that readers notice that it is incomplete.
    """

    def __init__(self) -> None:
        self._before = "[\n"

    def __enter__(self) -> "JsonArray":
        return self

    def add(self, entry: Any) -> None:
        print(self._before + _as_json(entry), end="", flush=True)
        self._before = ",\n"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            print("[]" if self._before == "[\n" else "\n]")


def _show_nothing(done: int, total: int) -> None:
    """Stands in for the movement of a bar that is not shown."""


@contextmanager
def progress_bar(title: str, *, hidden: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar if standard error is a terminal; calls with (done, total) move it."""
    if hidden or not sys.stderr.isatty():  # then rich need not be imported
        yield _show_nothing
        return
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    with _bar(title, MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True), hidden=False) as move:
        yield move


@contextmanager
def frames_bar(title: str, *, hidden: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Show the frames of a video, their number per second and the time left; a total of 0 is not known."""
    from rich.progress import MofNCompleteColumn, ProgressColumn, Task, TimeRemainingColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:.1f} frames/s")

    with _bar(title, MofNCompleteColumn(), Speed(), TimeRemainingColumn(), hidden=hidden) as move:
        yield lambda done, total: move(done, max(total, done) if total else 0)


@contextmanager
def download_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show the bytes of a download and their speed if standard error is a terminal."""
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _bar(name, DownloadColumn(), TransferSpeedColumn(), hidden=False) as move:
        yield move


@contextmanager
def _bar(title: str, *columns: "ProgressColumn", hidden: bool) -> Iterator[Callable[[int, int], None]]:
    if hidden or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), *columns, console=Console(stderr=True)
    ) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def table(rows: list[tuple[str, ...]]) -> str:
    """Format rows as columns, the first aligned left and the others right; the first row is the header."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
