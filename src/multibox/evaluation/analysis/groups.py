"""Groups of similar classes, for the analysis of confusions and the columns of its figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from multibox.data.formats.coco.document import MAX_COCO_BYTES
from multibox.data.formats.coco.source import find_coco
from multibox.errors import DataError, UsageError
from multibox.system.json import read_json
from multibox.words import listed

NamedClasses = Mapping[str, tuple[str, ...]]

_ANIMALS = ("bird", "cat", "cow", "dog", "horse", "sheep")
_VEHICLES = ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train")
_FURNITURE = ("chair", "diningtable", "sofa")
_VOC_SHOWN = {"animals": _ANIMALS, "vehicles": _VEHICLES, "furniture": _FURNITURE}
_VOC_ALIKE = {
    "animals and person": (*_ANIMALS, "person"),
    "vehicles": _VEHICLES,
    "furniture": _FURNITURE,
    "in the air": ("aeroplane", "bird"),
}
_VOC_ALONE = ("bottle", "pottedplant", "tvmonitor")


@dataclass(frozen=True)
class ClassGroups:
    """`shown` holds the classes of each column of Figure 3; classes in the same set of `alike` are similar.

    `origin` describes where the groups come from.
    """

    shown: NamedClasses
    alike: NamedClasses
    origin: str

    def similar(self, class_names: tuple[str, ...]) -> Bool[np.ndarray, "c c"]:
        """Return a table that marks the pairs of different classes that are similar."""
        table = np.zeros((len(class_names), len(class_names)), dtype=bool)
        for names in self.alike.values():
            members = [class_names.index(name) for name in names if name in class_names]
            table[np.ix_(members, members)] = True
        np.fill_diagonal(table, False)
        return table


def find_groups(class_names: tuple[str, ...], *, data: Path | None = None, file: Path | None = None) -> ClassGroups:
    """Return the groups in `file`, else the supercategories of the COCO data set at `data`, else VOC's, else none.

    VOC's groups are used if all classes are VOC's. Without groups no class is similar to another, and every confusion
    counts as one with another class. Errors are those of `read_groups`.
    """
    if file is not None:
        return read_groups(file, class_names=class_names)
    sets = _supercategories(data, class_names) if data is not None else {}
    if sets:
        return ClassGroups(sets, sets, "supercategories of the annotation file")
    if set(class_names) <= {name for names in _VOC_ALIKE.values() for name in names} | set(_VOC_ALONE):
        return voc_groups(class_names)
    return ClassGroups({}, {}, "none, so no classes count as similar; --groups takes a file of similar classes")


def voc_groups(class_names: tuple[str, ...]) -> ClassGroups:
    """Return the sets for PASCAL VOC, limited to the given classes.

    The sets of similar classes are: all animals and person; all vehicles; chair, table and sofa; aeroplane and bird.
    The figure shows animals without person, vehicles, and furniture. Source: Hoiem, Chodpathumwan, Dai, ECCV 2012,
    section 3.1 and `setDatasetParameters.m`. The mean numbers of objects in SSD's Figure 3 (357, 415, 400) confirm the
    shown sets.
    """
    shown, alike = (_present(sets, class_names) for sets in (_VOC_SHOWN, _VOC_ALIKE))
    return ClassGroups(shown, alike, "sets for PASCAL VOC of Hoiem et al. 2012")


def read_groups(path: Path, *, class_names: tuple[str, ...]) -> ClassGroups:
    """Read groups from a JSON file {"name": ["class", ...]}; a class may be in several groups.

    DataError if the file cannot be read or has another form, UsageError for a class that the data set does not have.
    """
    document = read_json(path)
    if not isinstance(document, dict) or not document or not all(map(_is_group, document.values())):
        raise DataError(
            f'{path}: not of the form {{"group": ["class", "class"]}}; write a list of names for each group'
        )
    sets = {name: tuple(members) for name, members in document.items()}
    unknown = [name for members in sets.values() for name in members if name not in class_names]
    if unknown:
        raise UsageError(f"{path}: class {unknown[0]!r} does not exist in the data; it has {listed(class_names)}")
    return ClassGroups(sets, sets, path.name)


def _is_group(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


def _present(sets: NamedClasses, class_names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Limit every set to the given classes; empty sets are left out."""
    kept = {title: tuple(name for name in names if name in class_names) for title, names in sets.items()}
    return {title: names for title, names in kept.items() if names}


def _supercategories(data: Path, class_names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read classes by supercategory from the smallest annotation file; empty without one or with only one category."""
    source = find_coco(data)
    if source is None:
        return {}
    document = read_json(min(source.files.values(), key=lambda file: file.stat().st_size), limit=MAX_COCO_BYTES)
    entries = document.get("categories") if isinstance(document, dict) else None
    known = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    pairs = [(entry.get("supercategory"), str(entry.get("name"))) for entry in known]
    titles = dict.fromkeys(title for title, _ in pairs if isinstance(title, str) and title not in ("", "none"))
    sets = _present({title: tuple(name for t, name in pairs if t == title) for title in titles}, class_names)
    return sets if len(sets) > 1 else {}
