"""The labels of one image, found in its data set."""

from pathlib import Path

import numpy as np

from multibox.data.dataset import Dataset, Example
from multibox.errors import UsageError


def labels_of(image: Path, dataset: Dataset, *, class_names: tuple[str, ...]) -> Example:
    """The objects of the image with labels that index `class_names`; classes that it lacks are left out.

    Names are compared without case. Raises UsageError if the data set does not have the image, or none of the classes.
    """
    wanted = image.resolve()
    example = next((one for one in dataset if one.image.resolve() == wanted), None)
    if example is None:
        raise UsageError(f"{image} is not an image of {dataset.name}: give the path of one of its images, or --split")
    by_name = {name.casefold(): label for label, name in enumerate(class_names)}
    labels = np.array([by_name.get(name.casefold(), -1) for name in dataset.class_names], dtype=np.int64)
    if (labels < 0).all():
        raise UsageError(
            f"{dataset.name} has none of the detector's classes, {', '.join(class_names)}: leave out --data, or choose "
            "another detector"
        )
    known = example.keep(labels[example.labels] >= 0)
    return Example(
        known.image,
        known.boxes,
        labels[known.labels],
        known.difficult,
        known.crowd,
        known.id,
        known.size,
        known.areas,
    )
