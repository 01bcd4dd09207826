"""Problems of a data set with the priors of a model: objects that are too small, classes that few priors cover."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from multibox.data.dataset import Dataset
from multibox.data.formats.examples import to_example
from multibox.data.formats.files import MAX_OBJECTS_PER_IMAGE
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record
from multibox.priors import PriorSpec
from multibox.tiling.coverage import Coverage, input_sides

_LOW_COVERAGE = 0.5  # share of the objects of a class
_MANY_SMALL = 0.1  # share of the objects of a class


def usable(raw: RawDataset) -> Dataset:
    """The Dataset of everything that can be read, despite other problems."""
    examples = [to_example(_known(raw, record), raw.labels)[0] for record in raw.records]
    return Dataset(raw.name, raw.class_names, tuple(examples))


def coverage_problems(raw: RawDataset, dataset: Dataset, coverage: Coverage, priors: PriorSpec) -> Iterator[Problem]:
    """Problems of each class with the priors. `dataset` is the result of `usable`."""
    yield from _too_small(raw, dataset, priors)
    for name, share in coverage.classes.items():
        if share.objects and share.overlap_50 < _LOW_COVERAGE:
            part = f"only {share.overlap_50:.0%} of the objects of class {name}"
            message = f"{part} have a prior with an IoU of 0.5; fit the priors or take a larger input"
            yield Problem("low_coverage", "warning", raw.name, None, message)


def _too_small(raw: RawDataset, dataset: Dataset, priors: PriorSpec) -> Iterator[Problem]:
    """Objects smaller than half the smallest prior, class by class. The smallest object of the class is named."""
    limit = min(source.min_size for source in priors.maps) / 2
    height, width = priors.input_size
    small: dict[int, list[tuple[float, int, int]]] = {}
    counts: Counter[int] = Counter()
    for place, example in enumerate(dataset):
        counts.update(example.labels[~example.crowd].tolist())
        sides = input_sides(example, width * height)
        for item in np.flatnonzero((sides < limit) & ~example.crowd):
            small.setdefault(int(example.labels[item]), []).append((float(sides[item]), place, int(item)))
    for label, found in sorted(small.items()):
        side, image, smallest = min(found)
        share = len(found) / counts[label]
        part = f"{len(found):,} of {counts[label]:,} of class {raw.class_names[label]} ({share:.0%})"
        message = (
            f"{part} smaller than {limit:g} px at the model's input of {width} x {height}; this one is {side:.1f} px"
        )
        yield Problem(
            "too_small", "warning" if share >= _MANY_SMALL else "note", *_place(raw, image, smallest), message
        )


def _known(raw: RawDataset, record: Record) -> Record:
    usable = len(record.objects) <= MAX_OBJECTS_PER_IMAGE
    return replace(record, objects=tuple(item for item in record.objects if usable and item.category in raw.labels))


def _place(raw: RawDataset, place: int, item: int) -> tuple[str, str]:
    """File and place of an object, given the numbers of its image and of the object in the result of `usable`."""
    record = _known(raw, raw.records[place])
    dropped = {id(entry) for entry in to_example(record, raw.labels)[1]}
    kept = [entry for entry in record.objects if id(entry) not in dropped]
    return raw.file_of(record), raw.place(kept[item])
