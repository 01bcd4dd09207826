"""The check that needs no image to be decoded, for a data set that is already loaded."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from multibox.check.classes import class_problems
from multibox.check.order import sort_problems
from multibox.data.dataset import Dataset, Example
from multibox.data.formats.problem import Problem
from multibox.words import counted, listed


def check_loaded(dataset: Dataset, *, classes_chosen: bool = False) -> list[Problem]:
    """The problems of a loaded data set that are found without opening an image. Training runs this check first.

    With `classes_chosen` the user has named the classes, so similar names are only a warning.
    """
    counts = Counter(label for example in dataset for label in example.labels[~example.crowd].tolist())
    named = {name: counts[i] for i, name in enumerate(dataset.class_names)}
    problems = [*class_problems(named, name=dataset.name, chosen=classes_chosen)]
    twice = [name for name, count in Counter(example.id for example in dataset).items() if count > 1]
    if twice:
        message = f"ids occur more than once: {listed(twice)}; their detections could not be told apart"
        problems.append(Problem("duplicate_id", "error", dataset.name, None, message))
    if dataset.problems:
        message = f"{counted(len(dataset.problems), 'message')} from reading, the first: {dataset.problems[0]}"
        problems.append(Problem("skipped_entries", "warning", dataset.name, None, message))
    for example in dataset:
        problems += _example_problems(example, len(dataset.class_names))
    return list(sort_problems(problems))


def _example_problems(example: Example, classes: int) -> Iterator[Problem]:
    file = str(example.image)
    if not example.image.exists():
        yield Problem("missing_image", "error", file, None, "the image does not exist; add it or leave it out")
    elif not example.image.is_file():
        yield Problem("undecodable", "error", file, None, "the image is not a regular file; replace it or leave it out")
    if not len(example.labels):
        yield Problem("empty", "note", file, None, "has no objects; it counts as a background")
    elif example.difficult.all():
        yield Problem("all_difficult", "note", file, None, "has only difficult objects; evaluation ignores it")
    for place in np.flatnonzero((example.labels < 0) | (example.labels >= classes)):
        message = f"label {example.labels[place]} is not one of the {classes} classes"
        yield Problem("class_out_of_range", "error", file, f"object {place + 1}", message)
    extent = example.boxes[:, 2:] - example.boxes[:, :2]
    for place in np.flatnonzero(~(extent > 0).all(axis=1) | ~np.isfinite(example.boxes).all(axis=1)):
        message = f"box {example.boxes[place].tolist()} has no width or height"
        yield Problem("degenerate", "error", file, f"object {place + 1}", message)
