"""Parser of the subset of YAML in YOLO's data.yaml files: top-level keys with a value, a list or a mapping."""

import re
from collections.abc import Iterable

from multibox.errors import DataError

Value = str | list[str] | dict[str, str]


def read_keys(text: str, keys: Iterable[str], *, name: str) -> dict[str, Value]:
    """Return the values of some top-level keys as text, lists of text or mappings of text; other keys are skipped.

    Lists and mappings may be in brackets or in an indented block. `name` is the file in messages. Raises DataError for
    unsupported YAML: anchors, references, tags, block text and deeper nesting.
    """
    found: dict[str, Value] = {}
    for key, first, block in _sections(text):
        if key in keys:
            found[key] = _value(first, block, f"{name}, key {key!r}")
    return found


def _sections(text: str) -> list[tuple[str, str, list[str]]]:
    """Return (key, rest of its line, indented lines below) of each top-level key, without comments and empty lines."""
    sections: list[tuple[str, str, list[str]]] = []
    for raw in text.removeprefix("\ufeff").splitlines():
        line = _without_comment(raw)
        match = re.match(r"""(["']?)([\w.-]+)\1\s*:(?:\s+(.*)|$)""", line)
        if match:
            sections.append((match[2], (match[3] or "").strip(), []))
        elif line.strip() and sections and line.strip() not in ("---", "..."):
            sections[-1][2].append(line)
    return sections


def _without_comment(line: str) -> str:
    """Return the line without its comment: a # at the start or after a space, outside quotes."""
    quote = ""
    for place, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'" and (place == 0 or line[place - 1] in " ,[{:"):
            quote = letter
        elif letter == "#" and (place == 0 or line[place - 1].isspace()):
            return line[:place].rstrip()
    return line.rstrip()


def _value(first: str, block: list[str], place: str) -> Value:
    if first[:1] in ("[", "{"):
        return _flow(" ".join([first, *(line.strip() for line in block)]), place)
    if first[:1] in ("|", ">", "&", "*", "!"):
        raise DataError(f"{place}: YAML such as {first!r} is not supported; write a plain value, list or mapping")
    if first or not block:
        return _scalar(first)
    if block[0].lstrip().startswith("-"):
        return [_scalar(_list_item(line, place)) for line in block]
    return dict(_pair(line, place) for line in block)


def _flow(text: str, place: str) -> list[str] | dict[str, str]:
    closing = {"[": "]", "{": "}"}[text[0]]
    if not text.endswith(closing) or any(bracket in text[1:-1] for bracket in "[]{}"):
        raise DataError(f"{place}: {text[:60]!r} is not a list or mapping of one level; write one entry per line")
    items = [part.strip() for part in re.findall(r"""\s*((?:"[^"]*"|'[^']*'|[^,"'])+)""", text[1:-1])]
    items = [item for item in items if item]
    return [_scalar(item) for item in items] if closing == "]" else dict(_pair(item, place) for item in items)


def _list_item(line: str, place: str) -> str:
    text = line.strip()
    if not text.startswith("-"):
        raise DataError(f"{place}: line {text!r} is not an item of the list; start it with '- '")
    return text[1:].strip()


def _pair(text: str, place: str) -> tuple[str, str]:
    match = re.fullmatch(r"""\s*("[^"]*"|'[^']*'|[^:"'][^:]*?)\s*:\s*(.+?)\s*""", text)
    if not match:
        raise DataError(f"{place}: {text.strip()!r} is not 'key: value'; write one pair per line")
    return _scalar(match[1]), _scalar(match[2])


def _scalar(text: str) -> str:
    text = text.strip()
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text
