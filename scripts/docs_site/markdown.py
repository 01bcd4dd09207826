"""Plain text and docstrings as Markdown."""

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"([\\*_\[\]#])")
_ENTITIES = {"<": "&lt;", "|": "&#124;"}
_CODE = re.compile(r"(`[^`]*`)")


def escaped(text: str) -> str:
    """Text with every character that Markdown would interpret escaped, except in `code`."""
    return "".join(part if part.startswith("`") else _escaped(part) for part in _CODE.split(text))


def _escaped(text: str) -> str:
    text = _SPECIAL.sub(r"\\\1", text)
    for character, entity in _ENTITIES.items():
        text = text.replace(character, entity)
    return text


def paragraphs(docstring: str) -> str:
    """A cleaned docstring; indented blocks stay code, and everything else is escaped."""
    blocks = re.split(r"\n\s*\n", docstring.strip())
    return "\n\n".join(block if block.startswith("    ") else escaped(block) for block in blocks)


def first_sentence(docstring: str) -> str:
    """The first sentence of a docstring, on one line."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", paragraph, maxsplit=1)[0]


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; cells are Markdown already."""
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
