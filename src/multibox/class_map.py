"""Other names for the classes of a detector, as `--map cattle=cow` gives them in every command."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from multibox.errors import UsageError
from multibox.words import listed


def class_map(pairs: Sequence[str], *, known: Sequence[str], new: Sequence[str] | None = None) -> dict[str, str]:
    """The new name of each of the detector's classes that "A=B" pairs rename; `known` are the detector's classes.

    A is a class of the detector and B its new name, or the other way round if only B is one. Case does not matter for
    the detector's classes. If `new` is given, new names must be among these. Several classes can get one name. Raises
    UsageError for a text without "=", for a class that the detector lacks, and for one that is renamed twice.
    """
    renamed: dict[str, str] = {}
    for text in pairs:
        old, name = _pair(text, known=known, new=new)
        if renamed.setdefault(old, name) != name:
            raise UsageError(f"--map gives {old!r} the names {renamed[old]!r} and {name!r}: keep one")
    return renamed


def renamed(class_names: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """The class names with their new names, each once, in the order of their first occurrence."""
    return tuple(dict.fromkeys(names.get(name, name) for name in class_names))


def find_class(name: str, known: Sequence[str]) -> str | None:
    """The class of that name, else the only one that differs in case alone, else None."""
    if name in known:
        return name
    similar = [other for other in known if other.casefold() == name.casefold()]
    return similar[0] if len(similar) == 1 else None


def _pair(text: str, *, known: Sequence[str], new: Sequence[str] | None) -> tuple[str, str]:
    """The detector's class and its new name."""
    one, equals, other = (part.strip() for part in text.partition("="))
    if not equals or not one or not other:
        raise UsageError(
            f"--map {text!r} does not have the form OLD=NEW: give a class of the detector and its new name, for "
            "example cattle=cow"
        )
    for old, name in ((one, other), (other, one)):
        found = find_class(old, known)
        if found is not None and (new is None or name in new):
            return found, name
    if new is not None and any(find_class(side, known) for side in (one, other)):
        raise UsageError(f"--map {text!r} names none of the new classes: {listed(new)}")
    near = get_close_matches(one, known, n=3, cutoff=0.5) or known
    raise UsageError(f"--map {text!r} names no class of the detector, which knows {listed(near)}")
