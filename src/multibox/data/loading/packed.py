"""A data set packed into a few arrays, which forked worker processes share without copies.

Reading a Python object writes its reference count, and a forked process copies each page that it writes to. So every
worker would copy a data set of 100,000 Example objects; it does not copy arrays.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from multibox.data.dataset import Dataset, Example
from multibox.size import Size


class PackedDataset:
    """The examples of a data set as arrays. Indexing builds an Example."""

    def __init__(self, dataset: Dataset) -> None:
        examples = dataset.examples
        self._images = _PackedStrings([str(example.image) for example in examples])
        self._ids = _PackedStrings([example.id for example in examples])
        self._ends = np.cumsum([0] + [len(example.labels) for example in examples])
        self._boxes = np.concatenate([np.zeros((0, 4), np.float32)] + [example.boxes for example in examples])
        self._labels = np.concatenate([np.zeros(0, np.int64)] + [example.labels for example in examples])
        self._difficult = np.concatenate([np.zeros(0, bool)] + [example.difficult for example in examples])
        self._crowd = np.concatenate([np.zeros(0, bool)] + [example.crowd for example in examples])
        self._sizes = np.array([example.size or (0, 0) for example in examples], np.int32).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, index: int) -> Example:
        if not 0 <= index < len(self):
            raise IndexError(index)
        rows = slice(self._ends[index], self._ends[index + 1])
        size = Size(*self._sizes[index].tolist())
        return Example(
            Path(self._images[index]),
            self._boxes[rows],
            self._labels[rows],
            self._difficult[rows],
            self._crowd[rows],
            self._ids[index],
            size if size.width else None,
        )


class _PackedStrings:
    """Strings packed into one array of bytes."""

    def __init__(self, texts: list[str]) -> None:
        encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
        self._bytes: UInt8[np.ndarray, " n"] = np.frombuffer(b"".join(encoded), np.uint8)
        self._ends = np.cumsum([0] + [len(text) for text in encoded])

    def __getitem__(self, index: int) -> str:
        start, end = self._ends[index], self._ends[index + 1]
        return self._bytes[start:end].tobytes().decode("utf-8", "surrogateescape")
