"""Loading data sets: recognize the format, choose and rename classes, join several data sets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.examples import to_dataset
from multibox.data.formats.recognize import recognize
from multibox.errors import UsageError
from multibox.words import listed


def load_dataset(
    path: Path | str,
    *,
    split: str | None = None,
    classes: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    pixel_rule: str = "voc",
    outside: bool = False,
) -> Dataset:
    """Read the data set at `path`, a folder or an annotation file, in any of the known formats.

    `multibox.data.formats.recognize.FORMATS` lists the formats. `split` is one of the data set's own splits, several
    joined by "+", or "all". The default is the split for training: trainval, else train, else the only split.
    `rename` gives classes new names; classes with the same new name are merged. `classes` then keeps only these, in
    this order. `pixel_rule` says how VOC's corners count pixels, see `corners_to_box`. Images that annotations name
    outside the data set are left out unless `outside` is set.

    Raises DataError if no data set is recognized, the split does not exist or a file cannot be read; UsageError for a
    class that the data set does not have.
    """
    source = recognize(path, pixel_rule=pixel_rule, outside=outside)
    dataset = to_dataset(source.scan(split or source.training_split()))
    return choose_classes(dataset, classes=classes, rename=rename)


def load_splits(path: Path | str, *, pixel_rule: str = "voc", outside: bool = False) -> dict[str, Dataset]:
    """Read every split of a data set by name; trainval is skipped if there are both train and val.

    A data set without splits is read as "train". Raises the same errors as `load_dataset`.
    """
    source = recognize(path, pixel_rule=pixel_rule, outside=outside)
    names = source.splits()
    if {"train", "val"} <= set(names):
        names = [name for name in names if name != "trainval"]
    if not names:
        return {"train": to_dataset(source.scan("all"))}
    return {name: to_dataset(source.scan(name)) for name in names}


def choose_classes(
    dataset: Dataset, *, classes: Sequence[str] | None = None, rename: Mapping[str, str] | None = None
) -> Dataset:
    """Rename classes (those with the same new name are merged), then keep `classes` only, in their order.

    Objects of other classes are dropped; their images stay. Raises UsageError for a class that does not exist.
    """
    rename = rename or {}
    _require_existing(rename, dataset.class_names, dataset.name)
    renamed = [rename.get(name, name) for name in dataset.class_names]
    kept = tuple(classes) if classes is not None else tuple(dict.fromkeys(renamed))
    _require_existing(kept, renamed, dataset.name)
    if len(set(kept)) < len(kept):
        raise UsageError(f"classes {listed(kept)} name one class twice; name each once")
    places = {name: place for place, name in enumerate(kept)}
    table = np.array([places.get(name, -1) for name in renamed], dtype=np.int64)
    first = {name: place for place, name in reversed(list(enumerate(renamed)))}
    ids = dataset.category_ids
    return replace(
        dataset,
        class_names=kept,
        examples=tuple(_relabel(example, table) for example in dataset),
        category_ids=None if ids is None else tuple(ids[first[name]] for name in kept),
    )


def join(*datasets: Dataset) -> Dataset:
    """Join data sets: class names in the order of their first appearance; equal names are one class.

    Ids that occur more than once get the name of their data set as a prefix. Raises UsageError without data sets.
    """
    if not datasets:
        raise UsageError("join was given no data set; give at least one")
    names = tuple(dict.fromkeys(name for dataset in datasets for name in dataset.class_names))
    counts = Counter(example.id for dataset in datasets for example in dataset)
    examples: list[Example] = []
    places = {name: place for place, name in enumerate(names)}
    for dataset in datasets:
        table = np.array([places[name] for name in dataset.class_names], dtype=np.int64)
        for example in dataset:
            name = f"{dataset.name}/{example.id}" if counts[example.id] > 1 else example.id
            examples.append(replace(_relabel(example, table), id=name))
    problems = tuple(line for dataset in datasets for line in dataset.problems)
    return Dataset(" + ".join(dataset.name for dataset in datasets), names, tuple(examples), problems)


def _relabel(example: Example, table: np.ndarray) -> Example:
    """Map labels through a table; objects whose entry is -1 are dropped."""
    if not len(example.labels):
        return example
    example = replace(example, labels=table[example.labels])
    return example if example.labels.min() >= 0 else example.keep(example.labels >= 0)


def _require_existing(asked: Sequence[str] | Mapping[str, str], names: Sequence[str], dataset: str) -> None:
    known = set(names)
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise UsageError(f"class {unknown[0]!r} does not exist in {dataset}; it has {listed(names, limit=30)}")
