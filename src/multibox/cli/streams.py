"""Standard output and standard error of a command: every character can be written, and none controls the terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from multibox.words import escaped


class EscapingStream:
    """A text stream that writes control characters, apart from line feeds and tabs, as escapes such as \\u001b.

    File names and class names are untrusted. JSON output uses JSON's own escapes.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(escaped(text, kept="\n\t"))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Make standard output and standard error accept every character.

    A closed stream is replaced by one that discards everything, so that no other file gets its number.
    """
    before = sys.stdout, sys.stderr
    closed_output = sys.stdout is None
    _open_closed_streams()
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        with suppress(AttributeError, OSError):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = EscapingStream(sys.stdout)
    if closed_output:
        print("multibox: standard output is closed, results are not printed", file=sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = (old or new for old, new in zip(before, (sys.stdout, sys.stderr), strict=True))


def discard_unwritable_output() -> None:
    """Discard what standard output buffers and cannot write, because Python would report it once more at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed_streams() -> None:
    if sys.stdout is not None and sys.stderr is not None:
        return
    number = os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, that of a closed stream
    while number < 2:
        number = os.open(os.devnull, os.O_RDWR)
    if number > 2:
        os.close(number)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
