"""Wording that messages share."""

import re
from collections.abc import Iterable
from shlex import quote

_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]")


def escaped(text: str, *, kept: str = "") -> str:
    """Return the text with control characters as escapes such as \\u001b, apart from those in `kept`.

    These are the characters that move the cursor, color the terminal, fake lines or change the text direction.
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in kept else f"\\u{ord(found[0]):04x}", text)


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Return the names separated by commas; only the first `limit` and the total if there are more."""
    all_names = [escaped(name) for name in names]
    text = ", ".join(all_names[:limit])
    return f"{text}, … ({len(all_names)} in all)" if len(all_names) > limit else text


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 image, 2 images, 2 boxes, 2 classes."""
    plural = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def pip_install(*packages: str) -> str:
    """Return the command that installs packages beside multibox, which no package index has: its extras have no name.

    A package can have an extra of its own and a bound, such as ray[data]<2.64.
    """
    return " ".join(["pip install", *(quote(package) for package in packages)])
