"""Programs that users name: checked before any work begins."""

import os
import shutil
from pathlib import Path

from multibox.errors import UsageError


def check_program(name: Path | str, *, what: str) -> str:
    """Return the name of a program that can be started, a path or a word of PATH; `what` is the program in messages.

    Raises UsageError that says whether it is empty, missing, a folder or not executable.
    """
    text = str(name)
    if not text or text == ".":
        raise UsageError(f"{text!r} is no program: give the path of {what}")
    if "\0" in text:
        raise UsageError(f"{text!r} is no program, it has a NUL character: give the path of {what}")
    if shutil.which(text) is None:
        raise UsageError(f"{text!r} {_fault(Path(text))}: give the path of {what}")
    return text


def _fault(path: Path) -> str:
    if path.is_dir():
        return "is a folder, not a program"
    if path.is_file():
        return "is not executable" if not os.access(path, os.X_OK) else "is not found in PATH"
    return "does not exist" if len(path.parts) > 1 else "is not found in PATH"
