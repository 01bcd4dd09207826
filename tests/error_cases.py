"""Data sets and detections for the tests of the analysis: each kind of error once, and random scenes."""

import numpy as np

from evaluation_cases import a_dataset, an_example, some_detections
from multibox.data.dataset import Dataset
from multibox.detections import Detections

NAMES = ("cat", "dog", "cup")
ALIKE = np.array([[False, True, False], [True, False, False], [False, False, False]])  # cat and dog


def one_of_each() -> tuple[Dataset, list[Detections], list[str]]:
    """Two images and detections whose kinds are given, in the order of the scores.

    Image a: a cat (0 0 100 100), a dog (200 0 300 100), a cup (400 0 500 100), a difficult cat (0 200 100 300).
    Image b: a cat (0 0 100 100) that nothing finds.
    """
    a = an_example(
        "a",
        boxes=[[0, 0, 100, 100], [200, 0, 300, 100], [400, 0, 500, 100], [0, 200, 100, 300]],
        labels=[0, 1, 2, 0],
        difficult=[False, False, False, True],
    )
    b = an_example("b", boxes=[[0, 0, 100, 100]], labels=[0])
    rows = [
        ([0, 0, 100, 100], 0.9, 0, "correct"),
        ([0, 0, 100, 80], 0.8, 0, "duplicate"),
        ([0, 0, 100, 40], 0.7, 0, "localization"),
        ([200, 0, 300, 100], 0.6, 0, "similar"),
        ([400, 0, 500, 60], 0.5, 0, "other"),
        ([0, 400, 100, 450], 0.4, 0, "background"),
        ([0, 200, 100, 300], 0.3, 0, "ignored"),
    ]
    boxes, scores, labels, kinds = (list(column) for column in zip(*rows, strict=True))
    found = some_detections(boxes, scores=scores, labels=labels, class_names=NAMES)
    return a_dataset(a, b, class_names=NAMES), [found, some_detections(class_names=NAMES)], kinds
