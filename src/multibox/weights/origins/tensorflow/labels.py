"""Label maps of the TensorFlow Object Detection API: a name a line, or entries with ids in protobuf's text format."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from multibox.errors import DataError
from multibox.system.text import read_text
from multibox.words import escaped

MAX_BYTES = 1 << 20
MAX_ID = 32_767

_ITEM = re.compile(r"\bitem\s{0,99}:?\s{0,99}\{([^{}]*)\}")
_FIELD = re.compile(r"""\b(id|name|display_name)\s*:\s*(?:(\d+)|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')""")
_USUAL_NAMES = ("labelmap.txt", "label_map.txt", "labels.txt", "labelmap.pbtxt", "label_map.pbtxt", "labels.pbtxt")
_BACKGROUND = ("???", "background", "__background__", "bg")


def read_labels_file(path: Path) -> tuple[str, ...]:
    """The class names of a .txt or .pbtxt file, without background. Raises DataError if there are none."""
    names = parse_labels(read_text(path, limit=MAX_BYTES))
    if not names:
        raise DataError(
            f"{path} contains no labels: give a text file with one name a line, or a .pbtxt label map with ids "
            f"of at most {MAX_ID}"
        )
    return names


def parse_labels(text: str) -> tuple[str, ...]:
    """The class names of a label map in the order of their ids, without background.

    In a list of lines the first one may be the background, as "???" or by its name. Lines may begin with their number.
    Ids without a class, and further "???", become "unused N".
    """
    names = _by_id(text) if _ITEM.search(text) else _lines(text)
    if names and names[0].strip().lower() in _BACKGROUND:
        names = names[1:]
    return _distinct(names)


def _by_id(text: str) -> list[str]:
    """The names of a .pbtxt, from id 0 if it has one, else from id 1."""
    found: dict[int, str] = {}
    for item in _ITEM.finditer(re.sub(r"(?m)^\s*#.*$", "", text)):
        fields = {key: number or double or single for key, number, double, single in _FIELD.findall(item[1])}
        number = int(fields.get("id", "0")[:9])
        if number <= MAX_ID:
            found.setdefault(number, _unquoted(fields.get("display_name") or fields.get("name") or ""))
    if not found:
        return []
    return [found.get(number, "") for number in range(0 if 0 in found else 1, max(found) + 1)]


def _unquoted(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)


def _lines(text: str) -> list[str]:
    """A name a line. If each line begins with its number, as in some files of Coral, the numbers are ids."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    numbered = [re.fullmatch(r"(\d{1,5})[\s:,]+(\S.*)", line) for line in lines]
    if not lines or not all(numbered):
        return lines
    ids = {int(match[1]): match[2].strip() for match in numbered if match}
    if len(ids) < len(lines) or max(ids) > MAX_ID:
        return lines
    return [ids.get(number, "") for number in range(min(1, *ids), max(ids) + 1)]


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with "unused N" for missing ones; N counts from 1, as ids do. A name that occurs again gets its N."""
    seen: set[str] = set()
    found = []
    for number, name in enumerate(names, start=1):
        own = escaped(name.strip())[:1000]
        if not own or own == "???":
            own = f"unused {number}"
        elif own in seen:
            own = f"{own} {number}"
        seen.add(own)
        found.append(own)
    return tuple(found)


def beside(model: Path) -> Iterator[tuple[str, ...]]:
    """The class names of label maps beside a model file, the most likely first; files that cannot be read are skipped.

    Such files have the model's name, or the usual names of a label map.
    """
    stem = model.stem
    for name in (f"{stem}.txt", f"{stem}_labels.txt", f"{stem}.pbtxt", *_USUAL_NAMES):
        path = model.with_name(name)
        if path.is_file():
            with suppress(DataError):
                yield read_labels_file(path)
