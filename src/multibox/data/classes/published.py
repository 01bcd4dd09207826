"""Class lists of published detectors, in the order of their outputs and without background."""

from collections.abc import Sequence

from multibox.data.classes.coco import COCO_CLASSES
from multibox.data.classes.ilsvrc import ILSVRC_NAMES
from multibox.data.classes.voc import VOC_CLASSES
from multibox.errors import UsageError
from multibox.words import counted

# COCO's category ids run from 1 to 90, but ten of them have no class. Some models have an output for every id.
_UNUSED_COCO_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
_names = iter(COCO_CLASSES)
COCO_BY_ID = tuple(f"unused {i}" if i in _UNUSED_COCO_IDS else next(_names) for i in range(1, 91))

# The label map of the authors' ILSVRC models joins words with underscores.
ILSVRC_LABELS = tuple(name.replace(" ", "_") for name in ILSVRC_NAMES.values())

_KNOWN = {len(names): names for names in (VOC_CLASSES, COCO_CLASSES, COCO_BY_ID, ILSVRC_LABELS)}


def names_for(count: int, given: Sequence[str] | None, *, source: str) -> tuple[str, ...]:
    """Return `given` if it has `count` names, else the published list of that length, else "class 1", "class 2", ….

    `source` names the weight file in messages. Raises UsageError if the number of given names is not `count` or a
    name is given twice.
    """
    if given is None:
        return _KNOWN.get(count, tuple(f"class {i}" for i in range(1, count + 1)))
    if len(given) != count:
        raise UsageError(
            f"{counted(len(given), 'class name')} for {source}, which has {counted(count, 'class')}: give "
            f"{counted(count, 'name')}, without background"
        )
    if len(set(given)) < count:
        twice = next(name for name in given if given.count(name) > 1)
        raise UsageError(f"class name {twice!r} is given twice: give each class its own name")
    return tuple(given)
