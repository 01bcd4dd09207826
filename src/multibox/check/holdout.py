"""What training would hold out of a data set for validation."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from multibox.check.splits import ScannedSplits
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record
from multibox.data.holdout import VALIDATION_SPLITS, held_out_images


@dataclass(frozen=True)
class HoldoutCounts:
    """Numbers of images to train on and to score with. `split` is the data set's own validation split, if it has one.

    With a split of its own nothing is held out.
    """

    share: float
    train: int
    held_out: int
    split: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values for `multibox data check --json`."""
        return asdict(self)

    def __str__(self) -> str:
        if self.split is not None:
            return f"none: {self.split} with {self.held_out:,} images scores a training on {self.train:,}"
        return f"--holdout {self.share:g} trains on {self.train:,} images and scores with {self.held_out:,}"


def check_holdout(scanned: ScannedSplits, share: float) -> tuple[HoldoutCounts | None, list[Problem]]:
    """The two parts of the training images, and the classes that only one of them shows.

    Nothing if the split for training cannot be read. Raises the errors of `held_out_images`.
    """
    raw = scanned.training
    if raw is None or not raw.records:
        return None, []
    training = {record.image for record in raw.records}
    for name in VALIDATION_SPLITS:
        own = {image for image, names in scanned.membership.items() if name in names}
        if own and not own & training:
            return HoldoutCounts(share, len(training), len(own), name), []
    held = held_out_images([record.image for record in raw.records], share)
    sides = [[record for record in raw.records if (record.image in held) == wanted] for wanted in (False, True)]
    counts = HoldoutCounts(share, len(sides[0]), len(sides[1]), None)
    return counts, list(_one_sided(raw, *(_objects(raw, side) for side in sides)))


def _objects(raw: RawDataset, records: list[Record]) -> dict[str, int]:
    counts = dict.fromkeys(raw.class_names, 0)
    for record in records:
        for item in record.objects:
            label = raw.labels.get(item.category)
            if label is not None:
                counts[raw.class_names[label]] += 1
    return counts


def _one_sided(raw: RawDataset, train: dict[str, int], held: dict[str, int]) -> Iterator[Problem]:
    for name in raw.class_names:
        if bool(train[name]) != bool(held[name]):
            lacking = "to score with" if train[name] else "to train on"
            message = f"class {name} has {train[name] + held[name]:,} objects, none of them in the images {lacking}"
            yield Problem(
                "one_sided_class", "warning", raw.name, None, f"{message}; choose another share, or add images"
            )
