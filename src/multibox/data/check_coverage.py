"""What the priors of a model say about a data set: objects too small for it, classes it hardly reaches."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from multibox.data.coverage import Coverage
from multibox.data.dataset import Dataset
from multibox.data.problem import Problem
from multibox.data.record import RawDataset, Record, to_example
from multibox.priors import PriorSpec

_FEW = 0.5
_MANY_SMALL = 0.1


def usable(raw: RawDataset) -> Dataset:
    """The Dataset of everything that can be read, whatever else is wrong."""
    examples = [to_example(_known(raw, record), raw.labels)[0] for record in raw.records]
    return Dataset(raw.name, raw.class_names, tuple(examples))


def coverage_problems(raw: RawDataset, coverage: Coverage, priors: PriorSpec) -> Iterator[Problem]:
    """Problems of each class with a model; the object named is the smallest."""
    limit = min(source.min_size for source in priors.maps) / 2
    height, width = priors.input_size
    for label, name in enumerate(raw.class_names):
        mine = np.flatnonzero(coverage.reach.labels == label)
        small = mine[coverage.reach.sides[mine] < limit]
        if len(small):
            least = small[coverage.reach.sides[small].argmin()]
            file, place = _place(raw, coverage.reach.places[least])
            share = len(small) / len(mine)
            message = (
                f"{len(small):,} of {len(mine):,} of class {name} ({share:.0%}) smaller than {limit:g} px "
                f"at the model's input of {width} x {height}; this one is {coverage.reach.sides[least]:.1f} px"
            )
            yield Problem("too_small", "warning" if share >= _MANY_SMALL else "note", file, place, message)
        share_50 = coverage.classes[name].overlap_50
        if len(mine) and share_50 < _FEW:
            message = (
                f"only {share_50:.0%} of the objects of class {name} have a prior with an IoU of 0.5; fit the priors"
            )
            yield Problem("low_coverage", "warning", raw.name, None, f"{message} or take a larger input")


def _known(raw: RawDataset, record: Record) -> Record:
    return replace(record, objects=tuple(item for item in record.objects if item.category in raw.labels))


def _place(raw: RawDataset, place: np.ndarray) -> tuple[str, str]:
    """File and place of an object from its picture's and its own number in the data set that `usable` gives."""
    record = _known(raw, raw.records[place[0]])
    dropped = {id(item) for item in to_example(record, raw.labels)[1]}
    kept = [item for item in record.objects if id(item) not in dropped]
    return raw.file_of(record), raw.place(kept[place[1]])
