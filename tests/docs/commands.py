"""The commands that the documentation shows, and a folder in which they can run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from multibox.cli import app

ROOT = Path(__file__).parents[2]
LOGS = ("experiments.md", "model-card.md")
"""Pages about what was run once, with data and hours that a test does not have."""

_COMMAND = re.compile(r"^(?: {4})?(?:\$ )?((?:python -m )?multibox .*)$")


@dataclass(frozen=True)
class Command:
    """A command line of multibox on a page; `words` are without the program and without comments."""

    page: str
    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def text(self) -> str:
        return shlex.join(self.words)


def pages() -> list[Path]:
    """The README and the written guides."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page: Path) -> Iterator[Command]:
    """The commands in fenced and indented blocks of a page; a backslash at the end continues a line."""
    lines = page.read_text("utf-8").splitlines()
    fenced = False
    number = 0
    while number < len(lines):
        start, text = number + 1, lines[number]
        number += 1
        if text.startswith("```"):
            fenced = not fenced
        found = _COMMAND.match(text) if fenced or text.startswith("    ") else None
        if not found:
            continue
        command = found[1]
        while command.endswith("\\"):
            command = command[:-1] + lines[number].strip()
            number += 1
        words = shlex.split(command, comments=True)
        yield Command(page.name, start, tuple(words[3 if words[0] == "python" else 1 :]))


def parsed(words: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """The name of the command and its parameters by name; raises the parser's errors."""
    if words == ("--version",):
        return "version", {}
    command, context, name, rest = typer.main.get_command(app), None, "multibox", list(words)
    while hasattr(command, "commands"):
        context = command.make_context(name, rest, parent=context)
        rest = [*context._protected_args, *context.args]
        _, command, rest = command.resolve_command(context, rest)
        name = command.name
    full = " ".join([*_path(context), name])
    return full, command.make_context(name, rest, parent=context).params


def _path(context: Any) -> list[str]:
    """The names of the groups above a command, without the program's."""
    names: list[str] = []
    while context is not None and context.parent is not None:
        names.insert(0, context.info_name)
        context = context.parent
    return names
