"""How a setting is written, as the messages about a wrong one say it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from multibox.errors import DataError
from multibox.system.json import parse_json

_LONGEST = 200


def is_group(root: type, path: Sequence[str]) -> bool:
    """Whether the field at the path can be a group of settings."""
    return any(is_dataclass(kind) for kind in _kinds(root, path))


def list_form(root: type, path: Sequence[str], value: Any) -> str:
    """How the list at the path is written, if `value` could be its only entry, or entries separated by commas."""
    if isinstance(value, dict | list) or value is None:
        return ""
    entries = next((get_args(kind) for kind in _kinds(root, path) if get_origin(kind) is tuple), (str,))
    if names := _names(entries[0]):
        return f"; write a list in JSON, with {', '.join(names)} in each entry"
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
    if entries[0] in (int, float):
        parts = [_number(part) for part in parts]
    if len(parts) == 1 and Ellipsis not in entries:
        parts *= len(entries)
    return f"; write a list, '{'.'.join(path)}={json.dumps(parts, ensure_ascii=False)}'"[:_LONGEST]


def inside_no_group(key: str, place: int, inside: Any) -> str:
    """Why nothing inside the first `place` parts of a key can be set, and how to set that; `inside` is its value."""
    group, text = ".".join(key.split(".")[:place]), json.dumps(inside, ensure_ascii=False)
    if not isinstance(inside, list):
        return f"{group} is one value ({text[:_LONGEST]}), with no settings inside: write --set {group}=VALUE"
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    return f"{group} is a list, which is set as a whole, in JSON; now it is '{group}={text}'"


def _kinds(root: type, path: Sequence[str]) -> list[Any]:
    """The types that the field at the path can have."""
    kinds: list[Any] = [root]
    for part in path:
        kinds = [
            kind
            for group in kinds
            if is_dataclass(group) and part in get_type_hints(group)
            for kind in _members(get_type_hints(group)[part])
        ]
    return kinds


def _members(hint: Any) -> Iterator[Any]:
    if get_origin(hint) in (Union, UnionType):
        for member in get_args(hint):
            yield from _members(member)
    else:
        yield hint


def _names(kind: Any) -> list[str]:
    """The names of an entry's fields; none if an entry is one value."""
    if is_dataclass(kind):
        return [field.name for field in fields(kind)]
    return list(getattr(kind, "_fields", ()))


def _number(part: Any) -> Any:
    """The number that a text is; the text itself if it is none."""
    try:
        return parse_json(part, name="") if isinstance(part, str) else part
    except DataError:
        return part
