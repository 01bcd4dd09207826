"""Writer of YOLO text: labels/<split>/*.txt and data.yaml."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from multibox.data.formats.written import Written, count_flagged, write_text
from multibox.system.yaml import yaml_text
from multibox.words import counted


def write_yolo(splits: Mapping[str, Sequence[Written]], class_names: tuple[str, ...], out: Path) -> list[str]:
    """Write every split and return one line about each kind of information that is lost.

    Values are relative to the image and have twelve digits. Crowds are left out, because YOLO would read each as one
    object. data.yaml has no `path`, so that its folders are relative to itself in every program.
    """
    for split, written in splits.items():
        folder = out / "labels" / split
        folder.mkdir(parents=True, exist_ok=True)
        for entry in written:
            write_text(folder / f"{entry.image.stem}.txt", _lines(entry))
    keys = {split: f"images/{split}" for split in splits}
    document = {**keys, "names": dict(enumerate(class_names))}
    write_text(out / "data.yaml", yaml_text(document))
    return _losses([entry for written in splits.values() for entry in written])


def _lines(entry: Written) -> str:
    height, width = entry.size
    example = entry.example.keep(~entry.example.crowd)
    boxes = example.boxes.astype(np.float64) / np.array([width, height, width, height])
    centers, extents = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    rows = zip(example.labels, np.concatenate([centers, extents], axis=1), strict=True)
    return "".join(f"{label} {' '.join(f'{value:.12g}' for value in row)}\n" for label, row in rows)


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
