"""Problems of class names and of the number of objects of each class."""

from collections.abc import Iterator, Mapping

from multibox.data.formats.problem import Problem
from multibox.words import listed

_FEW_OBJECTS = 10
_IMBALANCE_RATIO = 100


def class_problems(counts: Mapping[str, int], *, name: str, chosen: bool = False) -> Iterator[Problem]:
    """Problems of the classes of the data set `name`. `counts` are the objects of each class.

    With `chosen` the user has named the classes, so similar names are intended.
    """
    yield from _variants(counts, name, chosen=chosen)
    unused = [class_name for class_name, count in counts.items() if not count]
    if len(unused) == len(counts):
        yield Problem("no_objects", "error", name, None, "there are no objects, so nothing can be learned")
        return
    if unused:
        message = f"{len(unused)} of {len(counts)} classes have no objects: {listed(unused)}"
        yield Problem("unused_class", "note", name, None, message)
    yield from _imbalance({key: count for key, count in counts.items() if count}, name)


def _variants(counts: Mapping[str, int], name: str, *, chosen: bool) -> Iterator[Problem]:
    """Names that differ only in case, spaces, hyphens or underscores.

    Two classes with many objects each, and classes that the user has named, are probably intended.
    """
    seen: dict[str, str] = {}
    for class_name in counts:
        key = "".join(letter for letter in class_name.casefold() if letter not in " _-\t")
        if key in seen:
            first = seen[key]
            kinds = f"classes {first!r} and {class_name!r} differ only in case or spacing"
            if chosen or min(counts[first], counts[class_name]) >= _FEW_OBJECTS:
                message = f"{kinds}; if they are one class, rename one to the other"
                yield Problem("class_variants", "warning", name, None, message)
            else:
                message = (
                    f'{kinds}; rename one to the other, or name both with --set classes=["A","B"] to train them apart'
                )
                yield Problem("class_variants", "error", name, None, message)
        seen.setdefault(key, class_name)


def _imbalance(counts: Mapping[str, int], name: str) -> Iterator[Problem]:
    few = [f"{class_name} ({count})" for class_name, count in counts.items() if count < _FEW_OBJECTS]
    if few:
        message = f"fewer than {_FEW_OBJECTS} objects: {listed(few)}; a detector can hardly learn these"
        yield Problem("few_objects", "warning", name, None, message)
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] >= _IMBALANCE_RATIO * counts[least]:
        message = f"{most} has {counts[most]:,} objects, {least} {counts[least]:,}; rare classes will score low"
        yield Problem("class_imbalance", "warning", name, None, message)
