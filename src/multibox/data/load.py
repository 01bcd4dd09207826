"""Loading a data set whose format is recognized, choosing and renaming its classes, joining several."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from multibox.data.dataset import Dataset, Example
from multibox.data.formats.recognize import recognize
from multibox.data.formats.record import RawDataset, to_dataset
from multibox.errors import DataError, UsageError
from multibox.words import listed


def load_dataset(
    path: Path | str,
    *,
    split: str | None = None,
    classes: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    pixels: str = "voc",
) -> Dataset:
    """Read the data set at `path`, a folder or an annotation file, in whatever format it is.

    Recognized are VOC XML (`read_voc`), COCO JSON (`read_coco`), YOLO text (`read_yolo`) and ILSVRC DET
    (`read_ilsvrc`). `split` is a name of the data set's own, several of them joined by "+", or "all"; without one it
    is that for training: trainval, else train, else what there is.
    `rename` gives classes new names, and merges those that get the same; `classes` then keeps only these, in this
    order. `pixels` is the rule for VOC's corners, see `read_voc`.

    Raises DataError where nothing is recognized, the split does not exist or a file cannot be read, UsageError for a
    class that the data set does not have.
    """
    dataset = to_dataset(scan_dataset(path, split=split, pixels=pixels))
    return choose_classes(dataset, classes=classes, rename=rename)


def scan_dataset(path: Path | str, *, split: str | None = None, pixels: str = "voc") -> RawDataset:
    """The same, as written and unjudged."""
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; give the folder or annotation file of a data set")
    return recognize(path).scan(split=split, pixels=pixels)


def load_splits(path: Path | str, *, pixels: str = "voc") -> dict[str, Dataset]:
    """Every split of a data set by name; trainval is left out where train and val are there. Errors as `load_dataset`.

    A data set without splits gives all of it as "train".
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; give the folder or annotation file of a data set")
    source = recognize(path)
    names = source.splits()
    if {"train", "val"} <= set(names):
        names = [name for name in names if name != "trainval"]
    if not names:
        return {"train": to_dataset(source.scan(split="all", pixels=pixels))}
    return {name: to_dataset(source.scan(split=name, pixels=pixels)) for name in names}


def choose_classes(
    dataset: Dataset, *, classes: Sequence[str] | None = None, rename: Mapping[str, str] | None = None
) -> Dataset:
    """Rename classes (two that get one name become one), then keep `classes` only, in their order.

    Objects of other classes are left out; their images stay. Raises UsageError for a class that does not exist.
    """
    rename = rename or {}
    _require(rename, dataset.class_names, dataset.name)
    renamed = [rename.get(name, name) for name in dataset.class_names]
    kept = tuple(classes) if classes is not None else tuple(dict.fromkeys(renamed))
    _require(kept, renamed, dataset.name)
    if len(set(kept)) < len(kept):
        raise UsageError(f"classes {listed(kept)} name one class twice; name each once")
    table = np.array([kept.index(name) if name in kept else -1 for name in renamed], dtype=np.int64)
    ids = dataset.category_ids
    return replace(
        dataset,
        class_names=kept,
        examples=tuple(_relabel(example, table) for example in dataset),
        category_ids=None if ids is None else tuple(ids[renamed.index(name)] for name in kept),
    )


def join(*datasets: Dataset) -> Dataset:
    """One data set of several: class names in the order of their first appearance, equal names one class.

    Ids that occur more than once get the name of their data set in front. Raises UsageError without data sets.
    """
    if not datasets:
        raise UsageError("join was given no data set; give at least one")
    names = tuple(dict.fromkeys(name for dataset in datasets for name in dataset.class_names))
    counts = Counter(example.id for dataset in datasets for example in dataset)
    examples: list[Example] = []
    for dataset in datasets:
        table = np.array([names.index(name) for name in dataset.class_names], dtype=np.int64)
        for example in dataset:
            name = f"{dataset.name}/{example.id}" if counts[example.id] > 1 else example.id
            examples.append(replace(_relabel(example, table), id=name))
    problems = tuple(line for dataset in datasets for line in dataset.problems)
    return Dataset(" + ".join(dataset.name for dataset in datasets), names, tuple(examples), problems)


def _relabel(example: Example, table: np.ndarray) -> Example:
    """Labels through a table; objects whose entry is -1 are left out."""
    if not len(example.labels):
        return example
    example = replace(example, labels=table[example.labels])
    return example if example.labels.min() >= 0 else example.keep(example.labels >= 0)


def _require(asked: Sequence[str] | Mapping[str, str], names: Sequence[str], dataset: str) -> None:
    unknown = [name for name in asked if name not in names]
    if unknown:
        raise UsageError(f"class {unknown[0]!r} does not exist in {dataset}; it has {listed(names, limit=30)}")
