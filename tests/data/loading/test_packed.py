from pathlib import Path

import numpy as np
import pytest

from multibox.data.dataset import Dataset, Example
from multibox.data.loading.packed import PackedDataset
from multibox.size import Size


def test_unpacked_examples_equal_those_packed() -> None:
    """Every field of three examples, one without objects and one with unusual letters, after packing."""
    rng = np.random.default_rng(0)
    examples = tuple(
        Example(
            image=Path(name),
            boxes=rng.random((count, 4), np.float32),
            labels=rng.integers(0, 5, count),
            difficult=rng.random(count) < 0.5,
            crowd=rng.random(count) < 0.5,
            id=f"id of {name}",
            size=size,
        )
        for name, count, size in (("a.jpg", 3, Size(5, 6)), ("straße/日本.png", 0, None), ("c d.jpg", 2, Size(7, 8)))
    )
    packed = PackedDataset(Dataset("three", ("a",), examples))
    assert len(packed) == 3
    for i, example in enumerate(examples):
        assert (packed[i].image, packed[i].id, packed[i].size) == (example.image, example.id, example.size)
        for name in ("boxes", "labels", "difficult", "crowd"):
            np.testing.assert_array_equal(getattr(packed[i], name), getattr(example, name))
    with pytest.raises(IndexError):
        packed[3]
