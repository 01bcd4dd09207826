"""Numbers that the authors' C++ code produced, in two editions, and their locations.

Origin: `weiliu89/caffe`, branch `ssd`, commit 4817bf8, run on a CPU; only random inputs and bookkeeping are ours.
The full edition is outside the repository; tests that need it are skipped if it is missing. The compact edition, cut
from it by `compact.py`, is part of the repository. Both have the same names; where the compact one holds only some
priors or images, an array `..._kept` says which.
"""

from pathlib import Path

import numpy as np

from shared_data import shared

COMPACT = Path(__file__).parents[1] / "data_files"
EDITIONS = ("compact", "full")


class Official:
    """The arrays of one file, by name; `kept` returns the positions that the compact edition holds."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as file:
            self.arrays = dict(file)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def kept(self, name: str, count: int) -> np.ndarray:
        """Positions out of `count` that the arrays about `name` hold: all of them in the full edition."""
        return self.arrays.get(f"{name}_kept", np.arange(count))


def official(name: str, *, edition: str) -> Official:
    """The official arrays of `name` (priors, matching, …), or a skip if the full edition is missing."""
    if edition == "full":
        return Official(shared(f"reference/official/{name}.npz"))
    return Official(COMPACT / f"official_{name}.npz")


def padded(
    rows: np.ndarray, images: int | np.ndarray, *, difficult: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ground-truth rows (image, label, instance, box, difficult) as padded boxes, labels from 0, valid and row numbers.

    `difficult` says whether difficult objects count. `images` are the images wanted, or how many there are.
    """
    wanted = np.arange(images) if isinstance(images, int) else images
    numbers = [np.flatnonzero((rows[:, 0] == i) & (difficult | (rows[:, 7] == 0))) for i in wanted]
    shape = (len(wanted), max(len(n) for n in numbers))
    boxes, labels = np.zeros((*shape, 4), dtype=np.float32), np.zeros(shape, dtype=np.int64)
    valid, row_numbers = np.zeros(shape, dtype=bool), np.full(shape, -1)
    for i, number in enumerate(numbers):
        here = slice(0, len(number))
        boxes[i, here], labels[i, here] = rows[number, 3:7], rows[number, 1] - 1
        valid[i, here], row_numbers[i, here] = True, number
    return boxes, labels, valid, row_numbers
