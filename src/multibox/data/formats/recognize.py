"""The formats of data sets, and which of them a data set has."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from multibox.data.formats.coco.source import find_coco
from multibox.data.formats.coco.writer import write_coco
from multibox.data.formats.evidence import Strength
from multibox.data.formats.format import Format, Source, Writer
from multibox.data.formats.ilsvrc import find_ilsvrc
from multibox.data.formats.problem import Problem
from multibox.data.formats.unrecognized import nothing_found
from multibox.data.formats.voc.source import find_voc
from multibox.data.formats.voc.writer import write_voc
from multibox.data.formats.yolo.source import find_yolo
from multibox.data.formats.yolo.writer import write_yolo
from multibox.errors import DataError

FORMATS = (
    Format("ilsvrc", "ILSVRC (Annotations/DET)", find_ilsvrc),
    Format(
        "voc",
        "VOC (XML files with the root <annotation>, in it, in a folder, or in VOC<year>)",
        find_voc,
        Writer(write_voc, images="JPEGImages"),
    ),
    Format(
        "coco",
        "COCO (a JSON file with images and categories, in it or in annotations)",
        find_coco,
        Writer(write_coco, images="{split}"),
    ),
    Format(
        "yolo",
        "YOLO (data.yaml, obj.data, classes.txt beside images, or folders images and labels with .txt files)",
        find_yolo,
        Writer(write_yolo, images="images/{split}", relative=True),
    ),
)
"""If two formats have equally strong evidence, the first in this order wins."""


_OUTSIDE = "MULTIBOX_OUTSIDE"


def recognize(path: Path | str, *, pixel_rule: str = "voc", outside: bool = False) -> Source:
    """Return the data set at `path` in any known format; `pixel_rule` applies only to VOC.

    The format with the strongest evidence wins; if another one fits too, a remark of the source says so. With
    `outside`, or MULTIBOX_OUTSIDE=1 in the environment, images that annotations name outside the data set are read.

    Raises DataError if the path does not exist or no format is found in it, and UsageError for an unknown pixel rule.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; give the folder or annotation file of a data set")
    found: dict[str, Source] = {}
    errors: list[DataError] = []
    for form in FORMATS:
        try:
            source = form.find(path)
        except DataError as error:
            errors.append(error)
            continue
        if source is not None:
            found[form.name] = source
    if errors and all(source.evidence.strength < Strength.STRUCTURED for source in found.values()):
        raise errors[0]
    if not found:
        raise DataError(nothing_found(path, [form.layout for form in FORMATS]))
    name = max(found, key=lambda key: found[key].evidence.strength)  # the first of equals
    others = {key: source for key, source in found.items() if key != name}
    chosen = replace(found[name], remarks=_remarks(path, name, found[name], others))
    chosen = replace(chosen, outside=outside or os.environ.get(_OUTSIDE) == "1")
    return chosen.with_pixel_rule(pixel_rule)


def _remarks(path: Path, name: str, chosen: Source, others: Mapping[str, Source]) -> tuple[Problem, ...]:
    """Say which other formats fit, if their evidence is more than a name."""
    fitting = [
        f"{key} ({source.evidence.text})"
        for key, source in others.items()
        if source.evidence.strength >= Strength.STRUCTURED
    ]
    if not fitting:
        return ()
    message = f"read as {name} ({chosen.evidence.text}), although it could also be {' or '.join(fitting)}"
    return (Problem("two_formats", "warning", str(path), None, f"{message}; give the file or folder of one format"),)
