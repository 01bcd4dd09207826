"""Writer of YOLO text: labels/<split>/*.txt and data.yaml."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from multibox.data.formats.written import Written, count_flagged
from multibox.errors import DataError
from multibox.words import counted


def write_yolo(splits: Mapping[str, Sequence[Written]], class_names: tuple[str, ...], out: Path) -> list[str]:
    """Write every split and return one line about each kind of information that is lost.

    Values are relative to the image and have twelve digits. Crowds are left out, because YOLO would read each as one
    object. Raises DataError for a class name with both kinds of quotes, which data.yaml cannot hold.
    """
    for split, written in splits.items():
        folder = out / "labels" / split
        folder.mkdir(parents=True, exist_ok=True)
        for entry in written:
            (folder / f"{entry.image.stem}.txt").write_text(_lines(entry), "utf-8")
    keys = "".join(f"{split}: images/{split}\n" for split in splits)
    names = "".join(f"  {label}: {_quoted(name)}\n" for label, name in enumerate(class_names))
    (out / "data.yaml").write_text(f"path: .\n{keys}names:\n{names}", "utf-8")
    return _losses([entry for written in splits.values() for entry in written])


def _lines(entry: Written) -> str:
    height, width = entry.size
    example = entry.example.keep(~entry.example.crowd)
    boxes = example.boxes.astype(np.float64) / np.array([width, height, width, height])
    centers, extents = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    rows = zip(example.labels, np.concatenate([centers, extents], axis=1), strict=True)
    return "".join(f"{label} {' '.join(f'{value:.12g}' for value in row)}\n" for label, row in rows)


def _quoted(name: str) -> str:
    if '"' in name and "'" in name:
        raise DataError(f"class name {name!r} has both kinds of quotes, which data.yaml cannot hold; rename the class")
    return f"'{name}'" if '"' in name else f'"{name}"'


def _losses(written: Sequence[Written]) -> list[str]:
    lines = []
    crowds, difficult = count_flagged(written, "crowd"), count_flagged(written, "difficult")
    if crowds:
        lines.append(f"{counted(crowds, 'crowd')} left out; YOLO has no crowds")
    if difficult:
        lines.append(f"{counted(difficult, 'difficult object')} became ordinary ones; YOLO has no such flag")
    if any(entry.example.id != entry.image.stem for entry in written):
        lines.append("image ids are file names in YOLO; some change")
    return lines
