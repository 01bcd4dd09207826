"""Fields of annotation files, normalized in one place for all formats: ids, flags and numbers.

Tools write the same field as a number, as text or as null. Every function raises ValueError with the rule for a value
that cannot be meant; the caller adds file, entry and name of the field.
"""

import reprlib
from collections.abc import Mapping
from math import isfinite
from typing import Any

_TRUE = frozenset(("true", "yes", "y", "t", "on"))
_FALSE = frozenset(("", "false", "no", "n", "f", "off", "none", "null", "unspecified"))
_MAX_ID_LETTERS = 1000


def id_text(value: Any) -> str:
    """Return an id as text: 1, 1.0 and "1" are the same id."""
    if type(value) is int and -(2**63) < value < 2**63:
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"is {short(value)}; an id is a number or text")
    if isinstance(value, int) and value.bit_length() > 4 * _MAX_ID_LETTERS:  # str() refuses huge integers
        raise ValueError(f"has too many digits; an id has 1 to {_MAX_ID_LETTERS:,}")
    text = str(value).strip()
    if not text or len(text) > _MAX_ID_LETTERS:
        raise ValueError(f"has {len(text):,} letters; an id has 1 to {_MAX_ID_LETTERS:,}")
    return text


def id_value(text: str) -> int | str:
    """Return a normalized id as JSON holds it: a plain number as a number, all else as text."""
    plain = text.removeprefix("-")
    return int(text) if plain.isascii() and plain.isdecimal() and str(int(text)) == text else text


def id_order(text: str) -> tuple[int, int, str]:
    """Return the key that sorts ids: numbers by value, then text."""
    value = id_value(text)
    return (0, value, "") if isinstance(value, int) else (1, 0, value)


def flag(value: Any) -> bool:
    """Return a flag written as a truth value, a number or text; null and an empty text are false."""
    if value is None or type(value) is int or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    try:
        return number(value) != 0
    except ValueError:
        raise ValueError(f"is {short(value)}; a flag is 0 or 1") from None


def number(value: Any) -> float:
    """Return a number written as a number or as text; it may be infinite or NaN."""
    if type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"is {short(value)}; it must be a number")
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"is {short(value)}; it must be a number") from None
    except OverflowError:
        raise ValueError("is an integer of hundreds of digits; write a shorter number") from None


def optional_number(value: Any) -> float | None:
    """Return a finite number that is not negative; None for anything else, because the field is optional."""
    try:
        result = number(value)
    except ValueError:
        return None
    return result if isfinite(result) and result >= 0 else None


def required(entry: Mapping[str, Any], name: str) -> Any:
    """Return a field of an entry. Raises ValueError if it is absent or null."""
    value = entry.get(name)
    if value is None:
        raise ValueError(f'has no "{name}"; add it')
    return value


def short(value: Any) -> str:
    """Return a value as messages show it, at most 60 letters.

    Of lists and mappings only the beginning is shown: with aliases, a short YAML file can hold endless ones.
    """
    try:
        text = reprlib.repr(value) if isinstance(value, list | dict) else repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, or deep nesting
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:60]}…"
