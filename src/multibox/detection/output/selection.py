"""Classes that are kept, by name."""

from collections.abc import Sequence

from multibox.errors import UsageError
from multibox.words import listed


def labels_of(names: Sequence[str] | None, class_names: Sequence[str]) -> frozenset[int] | None:
    """The labels of the classes with these names, None for all. Raises UsageError for a name that is no class."""
    if names is None:
        return None
    for name in names:
        if name not in class_names:
            raise UsageError(f"{name!r} is not a class of this detector: choose from {listed(class_names, limit=90)}")
    return frozenset(class_names.index(name) for name in names)
