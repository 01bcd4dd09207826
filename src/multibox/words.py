"""Wording that messages share."""

from collections.abc import Iterable


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Return the names separated by commas; only the first `limit` and the total if there are more."""
    all_names = list(names)
    text = ", ".join(all_names[:limit])
    return f"{text}, … ({len(all_names)} in all)" if len(all_names) > limit else text


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 image, 2 images, 2 boxes, 2 classes."""
    plural = f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
